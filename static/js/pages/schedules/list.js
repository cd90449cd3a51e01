/** The schedules: what each did lately, when it runs next, and what can be done with it. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { destroy, order } from "../../components/changes.js";
import { Ago, exactly } from "../../components/clock.js";
import { confirmFirst } from "../../components/dialog.js";
import { Icon } from "../../components/icon.js";
import { CREATED, List, menuColumn, rowMenu } from "../../components/list.js";
import { Strip } from "../../components/outcomes.js";
import { MY_ZONE, inZone, zoneName } from "./planned.js";
import { SearchField } from "../../components/search-field.js";
import { Empty } from "../../components/states.js";
import { KindIcon } from "../../components/task-list.js";
import { attempt, toast } from "../../components/toast.js";
import { editSchedule } from "./editor.js";
import { importCrontab } from "./crontab.js";
/** @import { Schedule, ScheduleRun } from "../../types.js" */

const STATES = /** @type {const} */ ([["", "all"], ["true", "enabled"], ["false", "disabled"]]);

/** @param {Schedule} schedule @param {() => void} done */
export const destroySchedule = (schedule, done) =>
  confirmFirst({
    title: `Delete ${schedule.name}?`,
    text: html`The schedule <b>${schedule.name}</b> is deleted with its history. The tasks that it made stay.`,
    action: "Delete schedule",
    run: () => destroy(`/v1/schedules/${schedule.id}`, schedule.name).then(done),
  });

/** @type {Record<string, string>} */
const BACK = { enable: "disable", disable: "enable", skip_next: "unskip", unskip: "skip_next" };

/** @param {Schedule} schedule @param {string} verb @param {string} said @param {() => void} done */
export const act = (schedule, verb, said, done) => order(`/v1/schedules/${schedule.id}`, { order: verb, back: BACK[verb] }, said, done);

/** Runs it now, and says what came of that. @param {Schedule} schedule @param {() => void} done */
export const runNow = (schedule, done) =>
  attempt(async () => {
    /** @type {ScheduleRun} */
    const run = await api.post(`/v1/schedules/${schedule.id}/run`, {});
    toast(run.outcome === "fired" ? `${schedule.name} runs` : run.outcome === "skipped" ? `${schedule.name} was skipped: the run before has not ended` : `${schedule.name} waits for the run before`);
  }).then(done);

/** When it runs next: in its zone, and how far off that is, or the exact time here where it is another. @param {{schedule: Schedule}} props */
export function Next({ schedule }) {
  if (!schedule.enabled) return html`<span class="status is-canceled"><${Icon} icon="ban" />disabled</span>${schedule.disabled_reason && html` <span class="quiet">${schedule.disabled_reason}</span>`}`;
  if (!schedule.next_planned_at) return html`<span class="quiet">${schedule.trigger ? (schedule.trigger.kind === "manual" ? "on request" : "when it happens") : "no more"}</span>`;
  const zone = schedule.effective_time_zone;
  const here = zone !== MY_ZONE && inZone(schedule.next_planned_at, MY_ZONE);
  return html`<span class="tabular">${inZone(schedule.next_planned_at, zone)}</span>${schedule.skips_next && html` <span class="tag">skipped</span>`} <span class="quiet planned-mine">${exactly.value ? here && `${here} here` : html`<${Ago} at=${schedule.next_planned_at} />${here && `, ${here.slice(-5)} here`}`}</span>`;
}

export function ScheduleList() {
  const query = place.value.query;
  const filters = Object.fromEntries(["q", "enabled"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/schedules", wanted), about("schedule."), 500);
  const columns = [
    { head: "Schedule", class: "cell-name", cell: (/** @type {Schedule} */ one) => html`<${KindIcon} kind=${one.payload.kind} /><a class="row-link" href=${`/schedules/${one.id}`}>${one.name}</a><span class="cell-more quiet" title=${one.description}>${one.description}</span>${one.problem && html`<p class="form-refused"><${Icon} icon="alert-circle" />${one.problem}</p>`}` },
    { head: "Last runs", cell: (/** @type {Schedule} */ one) => html`<${Strip} runs=${one.recent} name=${one.name} />${one.failures_in_a_row > 1 && html` <span class="status is-failed"><${Icon} icon="x" />${one.failures_in_a_row} in a row</span>`}` },
    { head: "Next run", class: "cell-wrap", cell: (/** @type {Schedule} */ one) => html`<${Next} schedule=${one} />` },
    { head: "Zone", class: "col-wide cell-zone", cell: (/** @type {Schedule} */ one) => html`<span class=${one.time_zone ? null : "quiet"}>${zoneName(one.effective_time_zone)}</span>` },
    CREATED,
    menuColumn((/** @type {Schedule} */ one) =>
      rowMenu(one.name, [
        can("schedules.run") && { label: "Run now", icon: "player-play", run: () => void runNow(one, list.reload) },
        can("schedules.update") && { label: "Edit…", icon: "pencil", run: () => editSchedule(one, list.reload) },
        can("schedules.update") && one.enabled && Boolean(one.next_planned_at) && { label: one.skips_next ? "Do not skip the next run" : "Skip the next run", icon: "player-skip-forward", run: () => void act(one, one.skips_next ? "unskip" : "skip_next", one.skips_next ? "It runs after all" : "The next run is skipped", list.reload) },
        can(one.enabled ? "schedules.disable" : "schedules.enable") && { label: one.enabled ? "Disable" : "Enable", icon: "power", run: () => void act(one, one.enabled ? "disable" : "enable", `${one.name} ${one.enabled ? "disabled" : "enabled"}`, list.reload) },
        can("schedules.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroySchedule(one, list.reload) },
      ]),
    ),
  ];
  return html`<div class="filters"><nav class="filter-set" aria-label="State">
        ${STATES.map(([value, label]) => html`<a href=${withQuery({ enabled: value, cursor: null })} aria-current=${value === (filters.enabled ?? "") ? "true" : null}>${label}</a>`)}
      </nav><${SearchField} label="Search schedules" />
      ${can("schedules.create") && html`<button type="button" class="btn btn-sm" onClick=${() => importCrontab(list.reload)}><${Icon} icon="file-code" />Import a crontab</button>`}</div>
    <${List} of=${list} what="the schedules" class="is-schedules" columns=${columns} empty=${html`<${Empty} title="No schedules yet">A schedule has work done later, again and again, or when something happens.<//>`} />`;
}
