/** The queue over time: how many runs waited and ran at most, and the longest wait. */
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { duration } from "../format.js";
import { about, useResource } from "../resource.js";
import { Steps } from "./plot.js";
import { Empty, Loaded } from "./states.js";
/** @import { QueueHistory } from "../types.js" */

export const DAY = 1440;

const EVERY_MS = 60_000;
const SETTLE_MS = 5_000;
const SECONDS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];

const STATES = /** @type {const} */ ([
  { label: "Waiting", colour: "--wait", of: "waiting" },
  { label: "Running", colour: "--busy", of: "running" },
]);

/** What stands beside a scale is short: 1.5 min for 90 s. @param {number} seconds */
function short(seconds) {
  const [unit, name] = seconds < 60 ? [1, "s"] : seconds < 3600 ? [60, "min"] : seconds < 172_800 ? [3600, "h"] : [86_400, "d"];
  return `${Number((seconds / unit).toFixed(1))} ${name}`;
}

/** @param {number} time @param {Intl.DateTimeFormatOptions} [more] */
const clock = (time, more) => new Date(time).toLocaleString("en-GB", { hour: "2-digit", minute: "2-digit", ...more });

/** The most of a step, and within which time that was. @param {QueueHistory} history @param {(item: QueueHistory["items"][0]) => number} read @param {(value: number) => string} [write] */
function peak({ items, step_s: step }, read, write = String) {
  const at = items.reduce((best, item) => (read(item) > read(best) ? item : best));
  if (!read(at)) return "none";
  const begin = Date.parse(at.time);
  const end = Math.min(begin + step * 1000, Date.now());
  return `${write(read(at))} between ${clock(begin, { weekday: "short" })} and ${clock(end)}`;
}

/** @param {{minutes: number, title: string, children?: any}} props */
export function QueuePlots({ minutes, title, children }) {
  const history = useResource(`queue ${minutes}`, () => api.get("/v1/queue/history", { minutes }), about("run.", "task."), SETTLE_MS);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || history.reload(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<section class="card panel queue-plots" aria-labelledby="h-queue"><header class="panel-head"><h2 id="h-queue">${title}</h2>
      <ul class="legend">${STATES.map(({ label, colour }) => html`<li><span class="swatch" style=${{ background: `var(${colour})` }}></span>${label}</li>`)}</ul>${children}</header>
    <${Loaded} of=${history} what="the queue over time">
      ${(/** @type {QueueHistory} */ found) => {
        const { items } = found;
        if (!items.some(({ waiting, running }) => waiting || running)) return html`<${Empty} title="Nothing waited or ran">How many runs waited and ran at once shows here, and for how long the longest waited.<//>`;
        const times = items.map(({ time }) => Date.parse(time) / 1000);
        const waited = (/** @type {QueueHistory["items"][0]} */ item) => item.longest_wait_s ?? 0;
        const deepest = STATES.map(({ label, of }) => `${label.toLowerCase()}: ${peak(found, (item) => item[of])}`).join("; ");
        return html`<${Steps} times=${times} series=${STATES.map(({ of, ...state }) => ({ ...state, values: items.map((item) => item[of]) }))} summary=${`The most at once. ${deepest}.`} />
          <p class="plot-note quiet">The most at once – ${deepest}</p>
          <${Steps} times=${times} series=${[{ label: "Longest wait", colour: "--accent", values: items.map(waited) }]} write=${short} incrs=${SECONDS} least=${5} height=${90} summary=${`The longest wait: ${peak(found, waited, duration)}.`} />
          <p class="plot-note quiet">The longest wait – ${peak(found, waited, duration)}</p>`;
      }}
    <//></section>`;
}
