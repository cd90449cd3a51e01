/** One schedule: when it runs next, what it does, and what came of every planned time. */
import { html } from "../html.js";
import * as api from "../api.js";
import { commandsText } from "../commands.js";
import { navigate } from "../router.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { about, useResource } from "../resource.js";
import { useTitle } from "../title.js";
import { duration, plural } from "../format.js";
import { Ago } from "../components/clock.js";
import { Id } from "../components/copy.js";
import { Icon } from "../components/icon.js";
import { List } from "../components/list.js";
import { Menu } from "../components/menu.js";
import { ProjectName, ScheduleName, TaskOf } from "../components/named.js";
import { Outcome, Strip, because } from "../components/outcomes.js";
import { PlannedTimes, zoneName } from "./schedules/planned.js";
import { Empty, Loaded } from "../components/states.js";
import { editSchedule } from "./schedules/editor.js";
import { act, destroySchedule, runNow } from "./schedules/list.js";
/** @import { Planned, Schedule, ScheduleRun } from "../types.js" */

const NEXT = 8;

/** @type {Record<string, string>} */
const OVERLAP = { skip: "is skipped", queue: "waits for its turn", allow: "runs beside it", cancel_running: "cancels it" };
/** @type {Record<string, string>} */
const CATCH_UP = { one: "made up for once", all: "made up for each", none: "left out" };

/** @param {{schedule: Schedule, reload: () => void}} props */
function Actions({ schedule, reload }) {
  const items = [
    ...(can("schedules.update") && schedule.next_planned_at ? [{ label: schedule.skips_next ? "Do not skip the next run" : "Skip the next run", icon: "player-skip-forward", run: () => void act(schedule, schedule.skips_next ? "unskip" : "skip_next", schedule.skips_next ? "It runs after all" : "The next run is skipped", reload) }] : []),
    ...(can(schedule.enabled ? "schedules.disable" : "schedules.enable") ? [{ label: schedule.enabled ? "Disable" : "Enable", icon: "power", run: () => void act(schedule, schedule.enabled ? "disable" : "enable", `${schedule.name} ${schedule.enabled ? "disabled" : "enabled"}`, reload) }] : []),
    ...(can("schedules.delete") ? [{ label: "Delete…", icon: "trash", danger: true, run: () => destroySchedule(schedule, () => void navigate("/schedules")) }] : []),
  ];
  return html`<div class="actions">
    ${can("schedules.run") && html`<button type="button" class="btn btn-sm" onClick=${() => runNow(schedule, reload)}><${Icon} icon="player-play" />Run now</button>`}
    ${can("schedules.update") && html`<button type="button" class="btn btn-sm" onClick=${() => editSchedule(schedule, reload)}><${Icon} icon="pencil" />Edit</button>`}
    ${items.length > 0 && html`<${Menu} label="More" items=${items} />`}
  </div>`;
}

/** @param {{schedule: Schedule}} props */
function What({ schedule: { payload } }) {
  const text = payload.prompt ?? (payload.commands && commandsText(payload.commands)) ?? payload.script?.content ?? `artifact ${payload.script?.artifact_id}`;
  return html`<section class="card panel" aria-labelledby="h-what"><header class="panel-head"><h2 id="h-what">What it does</h2><span class="quiet">${payload.kind}</span></header>
    <div class="panel-text"><pre class="schedule-what" tabindex="0" role="region" aria-label="Its text">${text}</pre></div></section>`;
}

/** What a trigger's command has come to. @param {{probe: NonNullable<Schedule["probe"]>}} props */
const Tried = ({ probe: { exit_code: code, exited_at: at, problem, next_at: next } }) => html`${at ? html`exited with ${code} <span class="quiet"><${Ago} at=${at} /></span>` : html`<span class="quiet">not tried yet</span>`}
  ${problem && html`<p class="form-refused"><${Icon} icon="alert-circle" />${problem}</p>`}${next && html`<p class="quiet">again <${Ago} at=${next} /></p>`}`;

/** @param {{schedule: Schedule}} props */
function Facts({ schedule }) {
  const facts = /** @type {[string, any][]} */ ([
    ["Id", html`<${Id} id=${schedule.id} what="Schedule id" />`],
    ["Runs", schedule.description],
    ...(schedule.trigger?.kind === "schedule" ? [["After", html`<${ScheduleName} id=${schedule.trigger.schedule_id} />`]] : []),
    ...Object.entries(schedule.trigger?.filter ?? {}).filter(([, wanted]) => wanted && Object.keys(wanted).length).map(([name, wanted]) => [`Only ${name.replace("_", " ")}`, typeof wanted === "string" ? wanted : Array.isArray(wanted) ? wanted.map((tag) => html`<span class="tag">${tag}</span>`) : html`<code>${JSON.stringify(wanted)}</code>`]),
    ...(schedule.probe ? [["Its command", html`<${Tried} probe=${schedule.probe} />`]] : []),
    ["Time zone", html`${zoneName(schedule.effective_time_zone)}${!schedule.time_zone && html` <span class="quiet">inherited</span>`}`],
    ["If the run before goes on", OVERLAP[schedule.overlap]],
    ["Missed runs", html`${CATCH_UP[schedule.catch_up]}${schedule.catch_up_window_s !== null && html` <span class="quiet">if newer than ${duration(schedule.catch_up_window_s)}</span>`}`],
    ...(schedule.jitter_s ? [["Spread", `up to ${duration(schedule.jitter_s)} later`]] : []),
    ...(schedule.start_at ? [["From", html`<${Ago} at=${schedule.start_at} />`]] : []),
    ...(schedule.end_at ? [["Until", html`<${Ago} at=${schedule.end_at} />`]] : []),
    ...(schedule.waiting ? [["Waiting for a turn", schedule.waiting]] : []),
    ...(schedule.failures_in_a_row ? [["Failures in a row", schedule.failures_in_a_row]] : []),
    ["Disabled after", schedule.disable_after ? `${plural(schedule.disable_after, "failure")} in a row` : "never"],
    ["Project", html`<${ProjectName} id=${schedule.project_id} />`],
  ]);
  return html`<section class="card panel" aria-labelledby="h-facts"><h2 id="h-facts" class="visually-hidden">Facts</h2>
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

/** @param {{id: string}} props */
function History({ id }) {
  const list = useEndless({}, (wanted) => api.get(`/v1/schedules/${id}/runs`, wanted), about("schedule."), 400);
  const columns = [
    { head: "Planned", cell: (/** @type {ScheduleRun} */ run) => html`<${Ago} at=${run.planned_at} />` },
    { head: "Outcome", cell: (/** @type {ScheduleRun} */ run) => html`<${Outcome} run=${run} />` },
    { head: "Why", class: "cell-wrap", cell: (/** @type {ScheduleRun} */ run) => html`${because(run.cause)}${run.reason && html`<div class="quiet">${run.reason}</div>`}` },
    { head: "Late by", class: "col-wide tabular", cell: (/** @type {ScheduleRun} */ run) => (run.fired_at ? duration((Date.parse(run.fired_at) - Date.parse(run.planned_at)) / 1000) : html`<span class="quiet">–</span>`) },
    { head: "Task", class: "cell-wrap", cell: (/** @type {ScheduleRun} */ run) => html`<${TaskOf} of=${run} />` },
  ];
  return html`<section aria-labelledby="h-history"><h2 id="h-history" class="section-title">History</h2>
    <${List} of=${list} what="the history" columns=${columns} empty=${html`<${Empty} title="It has not run yet">Each planned time will have a line here: whether it ran, was skipped or missed, and why. <i>Run now</i> tries it at once.<//>`} /></section>`;
}

/** @param {{data: {schedule: Schedule, upcoming: {time_zone: string, items: Planned[]}}, reload: () => void}} props */
function ScheduleView({ data: { schedule, upcoming }, reload }) {
  return html`<nav class="crumbs quiet" aria-label="Lies in"><a href="/schedules">Schedules</a></nav>
    <div class="page-head is-task"><div class="task-title"><h1>${schedule.name}</h1>${!schedule.enabled && html`<span class="status is-canceled is-large"><${Icon} icon="ban" />disabled</span>`}</div><${Actions} schedule=${schedule} reload=${reload} /></div>
    <div class="task-grid is-schedule">
      <div class="task-main">
        ${[schedule.disabled_reason, schedule.problem].map((told) => told && html`<div class="problem" role="status"><${Icon} icon="alert-circle" /><div><p>${told}</p></div></div>`)}
        <${What} schedule=${schedule} />
        <${History} id=${schedule.id} />
      </div>
      <div class="task-side">
        <section class="card panel" aria-labelledby="h-next"><header class="panel-head"><h2 id="h-next">Next</h2></header>
          <div class="panel-text">${upcoming.items.length ? html`<${PlannedTimes} items=${upcoming.items} zone=${upcoming.time_zone} />` : html`<p class="quiet">${schedule.enabled && schedule.trigger ? schedule.description : "Nothing is planned."}</p>`}</div></section>
        <section class="card panel" aria-labelledby="h-last"><header class="panel-head"><h2 id="h-last">Last runs</h2></header><div class="panel-text"><${Strip} runs=${schedule.recent} name=${schedule.name} /></div></section>
        <${Facts} schedule=${schedule} />
      </div>
    </div>`;
}

/** @param {string} id */
async function readSchedule(id) {
  const [schedule, upcoming] = await Promise.all([api.get(`/v1/schedules/${id}`), api.get(`/v1/schedules/${id}/upcoming`, { count: NEXT })]);
  return { schedule, upcoming };
}

/** @param {{id: string}} props */
export default function SchedulePage({ id }) {
  const read = useResource(id, () => readSchedule(id), (event) => event.name.startsWith("schedule.") && event.data?.schedule_id === id, 400);
  useTitle(read.data?.schedule.name);
  return html`<${Loaded} of=${read} what="the schedule" isPage rows=${6}>${(/** @type {any} */ data) => html`<${ScheduleView} data=${data} reload=${read.reload} />`}<//>`;
}
