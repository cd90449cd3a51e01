/** What came of planned times: as a strip of marks, and in words. */
import { html, cx } from "../html.js";
import { exactTime } from "../format.js";
import { Icon } from "./icon.js";
/** @import { ScheduleRun } from "../types.js" */

/** What is shown of a run: how its task ended, or what came of its time. @param {ScheduleRun} run */
export const stateOf = (run) => (run.outcome === "fired" ? (run.result ?? "running") : run.outcome ?? "waiting");

/** @type {Record<string, string>} */
export const WORDS = { running: "task not ended", completed: "completed", failed: "failed", canceled: "canceled", skipped: "skipped", missed: "missed", waiting: "waits" };

/** @type {Record<string, string>} */
const CAUSES = {
  planned: "its time had come",
  catch_up: "made up for",
  downtime: "asleep or down",
  overlap: "the run before had not ended",
  superseded: "a newer one ran",
  queue_full: "too many waited",
  skip_next: "left out on request",
  disabled: "it was disabled",
};

/** Why, in words. @param {string} cause */
export function because(cause) {
  if (CAUSES[cause]) return CAUSES[cause];
  const [kind, ...rest] = cause.split(":");
  const what = rest.join(":");
  return { user: `asked for by ${what}`, hook: `by the hook ${what}`, event: `on ${what}`, absence: `no ${what} for long`, schedule: `after ${what}`, exit: `the command exited with ${what}`, agent: `by the agent` }[kind] ?? cause;
}

/** @param {{run: ScheduleRun}} props */
export function Outcome({ run }) {
  const state = stateOf(run);
  const icon = state === "completed" ? html`<${Icon} icon="check" />` : state === "failed" ? html`<${Icon} icon="x" />` : state === "canceled" ? html`<${Icon} icon="ban" />` : state === "missed" ? html`<${Icon} icon="alert-triangle" />` : html`<${Icon} icon="clock" />`;
  const colour = state === "missed" ? "waiting" : state === "skipped" ? "canceled" : state;
  return html`<span class=${`status is-${colour}`}>${icon}${WORDS[state]}</span>`;
}

/** The last runs, the newest at the right; each leads to its task. @param {{runs: ScheduleRun[], name: string}} props newest first */
export function Strip({ runs, name }) {
  if (!runs.length) return html`<span class="quiet">no runs yet</span>`;
  const words = (/** @type {ScheduleRun} */ run) => `${exactTime(run.planned_at)}: ${WORDS[stateOf(run)]}, ${because(run.cause)}`;
  return html`<ol class="strip" aria-label=${`Last runs of ${name}, oldest first`}>
    ${[...runs].reverse().map((run) => {
      const mark = cx("strip-mark", `is-${stateOf(run)}`);
      return html`<li key=${run.planned_at}>${run.task_id ? html`<a class=${mark} href=${`/tasks/${run.task_id}`} title=${words(run)} aria-label=${words(run)}></a>` : html`<span class=${mark} role="img" title=${words(run)} aria-label=${words(run)}></span>`}</li>`;
    })}
  </ol>`;
}
