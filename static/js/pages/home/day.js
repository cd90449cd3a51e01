/** The tasks of the last day, counted by hour and outcome. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { computed } from "@preact/signals";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { listen } from "../../live.js";
import { about, useResource } from "../../resource.js";
import { now } from "../../components/clock.js";
import { StackedBars } from "../../components/plot.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { TaskHour } from "../../types.js" */
/** @import { Resource } from "../../resource.js" */

const HOUR_MS = 3_600_000;
const SETTLE_MS = 2_000;
const OUTCOMES = [
  { label: "Completed", colour: "--good", of: ["completed"] },
  { label: "Failed", colour: "--bad", of: ["failed"] },
  { label: "Canceled", colour: "--off", of: ["canceled"] },
  { label: "Not finished", colour: "--busy", of: ["queued", "waiting", "running"] },
];
export const ALL = OUTCOMES.flatMap(({ of }) => of);

const thisHour = computed(() => Math.floor(now.value / HOUR_MS));

/** The hour in which a thing was made, as its UUIDv7 says. @param {string} id @returns {number} in milliseconds */
function hourOf(id) {
  const made = parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return made - (made % HOUR_MS);
}

/** How many tasks of these statuses there are in all hours. @param {TaskHour[]} hours @param {string[]} statuses */
export const sum = (hours, statuses) => hours.flatMap(({ by_status: counts }) => statuses.map((status) => counts[status] ?? 0)).reduce((a, b) => a + b, 0);

/** The last 24 hours, the present one included. Of what happens to a task, only the hour it was made in is counted again. @returns {Resource<TaskHour[]>} */
export function useDay() {
  const kept = useRef({ hours: /** @type {TaskHour[]} */ ([]), isStale: true, changed: /** @type {Set<number>} */ (new Set()), turn: /** @type {Promise<any>} */ (Promise.resolve()) });

  const count = async () => {
    const { hours, isStale, changed } = kept.current;
    Object.assign(kept.current, { isStale: false, changed: new Set() });
    const shown = hours.map(({ time }) => Date.parse(time));
    const again = [...changed].filter((hour) => hour >= shown[0]);
    try {
      if (isStale || again.some((hour) => !shown.includes(hour))) {
        kept.current.hours = (await api.get("/v1/tasks/hours")).items;
      } else if (again.length) {
        const [after, before] = [Math.min(...again), Math.max(...again)].map((hour) => new Date(hour).toISOString());
        const fresh = new Map((await api.get("/v1/tasks/hours", { after, before })).items.map((/** @type {TaskHour} */ hour) => [hour.time, hour]));
        kept.current.hours = hours.map((hour) => fresh.get(hour.time) ?? hour);
      }
    } catch (error) {
      kept.current.isStale = true;
      throw error;
    }
    return kept.current.hours;
  };
  // One after the other: an older answer never takes the place of a newer one.
  const day = useResource("day", () => (kept.current.turn = kept.current.turn.then(count, count)), about("task.", "retention."), SETTLE_MS);

  useLayoutEffect(
    () =>
      listen((event) => {
        // Something may have been missed, or what is old has gone.
        if (!event || event.name.startsWith("retention.")) kept.current.isStale = true;
        else if (event.task_id && event.name.startsWith("task.")) kept.current.changed.add(hourOf(event.task_id));
      }),
    [],
  );
  useEffect(() => {
    if (!day.data) return;
    kept.current.isStale = true;
    day.reload();
  }, [thisHour.value]);
  return day;
}

/** @param {{day: Resource<TaskHour[]>}} props */
export function Throughput({ day }) {
  return html`<section class="card panel" aria-labelledby="h-hours"><header class="panel-head"><h2 id="h-hours">Tasks per hour</h2>
      <ul class="legend">${OUTCOMES.map(({ label, colour }) => html`<li><span class="swatch" style=${{ background: `var(${colour})` }}></span>${label}</li>`)}</ul></header>
    <${Loaded} of=${day} what="the last day">
      ${(/** @type {TaskHour[]} */ hours) => {
        if (!sum(hours, ALL)) return html`<${Empty} title="No task in the last day">Each hour will have a bar here: how many tasks were made in it, and how they ended.<//>`;
        const series = OUTCOMES.map(({ of, ...outcome }) => ({ ...outcome, values: hours.map((hour) => sum([hour], of)) }));
        const counts = OUTCOMES.map(({ label, of }) => `${label.toLowerCase()} ${sum(hours, of)}`).join(", ");
        return html`<${StackedBars} times=${hours.map(({ time }) => Date.parse(time) / 1000)} series=${series} height=${226} summary=${`Tasks of the last 24 hours by hour: ${counts}.`} />`;
      }}
    <//></section>`;
}
