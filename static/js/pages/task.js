/** One task: its state, live log, results, artifacts, and what can be done with it. */
import { useMemo, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { navigate, place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useFurther } from "../endless.js";
import { about, useResource } from "../resource.js";
import { useTitle } from "../title.js";
import { useShortcuts } from "../keys.js";
import { destroy } from "../components/changes.js";
import { copy } from "../components/copy.js";
import { confirmFirst } from "../components/dialog.js";
import { openForm } from "../components/form.js";
import { Icon } from "../components/icon.js";
import { Metadata } from "../components/json.js";
import { LogViewer, useLog } from "../components/log.js";
import { Markdown } from "../components/markdown.js";
import { Menu } from "../components/menu.js";
import { notifyOfEnd } from "./task/notify.js";
import { pastOf } from "./task/past.js";
import { Processes } from "./task/processes.js";
import { Progress } from "../components/progress.js";
import { Questions } from "../components/questions.js";
import { Loaded } from "../components/states.js";
import { Status, isFinished } from "../components/status.js";
import { Steps } from "../components/steps.js";
import { Criteria, Facts, Files, Jobs, Request, Timeline, asCurl, asPython, requestBody } from "./task/parts.js";
import { attempt } from "../components/toast.js";
import { Why } from "./task/why.js";
import { editSchedule } from "./schedules/editor.js";
/** @import { Endless } from "../endless.js" */
/** @import { Job, Result, Run, Task } from "../types.js" */

const LAST_TASKS = 200;

/** A task's result; there is none before it has run. @param {string} id @returns {Promise<Result | null>} */
async function resultOf(id) {
  try {
    return await api.get(`/v1/tasks/${id}/result`);
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 409) return null;
    throw error;
  }
}

/** @param {string} id */
async function readTask(id) {
  const [task, result] = await Promise.all([api.get(`/v1/tasks/${id}`), resultOf(id)]);
  return { task: /** @type {Task} */ (task), result };
}

/** What a schedule begins with that does again what a task did. @param {Task} task */
function asSchedule(task) {
  const { name, project_id: project, ...payload } = requestBody(task);
  return { name, project_id: project, payload: { kind: task.kind, ...payload } };
}

/** What a run can be compared with: other runs of its task, then the last runs of others. @param {Task} task @param {string} runId @param {Run[]} runs */
const others = (task, runId, runs) => async () => {
  const tasks = /** @type {Task[]} */ ((await api.get("/v1/tasks", { limit: LAST_TASKS })).items);
  return [
    ...runs.filter((run) => run.id !== runId).map((run) => ({ value: run.id, label: `attempt ${run.attempt} of this task, ${run.status}` })),
    ...tasks.filter((other) => other.run_id && other.id !== task.id).map((other) => ({ value: other.run_id ?? "", label: `${other.name}, ${other.status}` })),
  ];
};

/** @param {Task} task @param {string} runId @param {Run[]} runs */
const compareWith = (task, runId, runs) =>
  openForm({
    title: `Compare ${task.name}`,
    action: "Compare",
    fields: [{ name: "run", label: "With the run", kind: "select", required: true, options: others(task, runId, runs) }],
    send: async (values) => values.run,
    done: (/** @type {string} */ run) => navigate(`/compare?left=${runId}&right=${run}`),
  });

/** Runs a run's inputs again, as a task of its own. @param {string} runId */
async function replay(runId) {
  await attempt(async () => navigate(`/tasks/${(await api.post(`/v1/runs/${runId}/replay`)).id}`), "It runs again, as a new task");
}

/** @param {{task: Task, runId?: string, runs: Run[], reload: () => void}} props */
function Actions({ task, runId, runs, reload }) {
  const act = (/** @type {string} */ verb, /** @type {string} */ done) => attempt(() => api.post(`/v1/tasks/${task.id}/${verb}`), done).then(reload);
  const finished = isFinished(task.status);
  const ask = () =>
    confirmFirst({
      title: `Delete ${task.name}?`,
      text: html`The task <b>${task.name}</b> is deleted with its log, results and history.`,
      action: "Delete task",
      run: () => destroy(`/v1/tasks/${task.id}`, task.name).then(() => navigate("/tasks")),
    });
  const items = [
    ...(!finished && can("subscriptions.create") ? [{ label: "Notify me when it ends…", icon: "send", run: () => notifyOfEnd(task) }] : []),
    ...(can("schedules.create") ? [{ label: "Save as schedule…", icon: "calendar-time", run: () => editSchedule(asSchedule(task), (made) => void navigate(`/schedules/${made.id}`)) }] : []),
    ...(runId && can("tasks.create") ? [{ label: "Replay as a new task", icon: "player-play", run: () => void replay(runId) }] : []),
    ...(runId ? [{ label: "Compare with…", icon: "files", run: () => compareWith(task, runId, runs) }] : []),
    { label: "Copy as curl", icon: "terminal-2", run: () => void copy(asCurl(task), "curl command") },
    { label: "Copy as Python", icon: "brand-python", run: () => void copy(asPython(task), "Python code") },
    ...(finished && can("tasks.delete") ? [{ label: "Delete…", icon: "trash", danger: true, run: ask }] : []),
  ];
  useShortcuts([
    { keys: "r", label: "Retry the task", run: () => void (finished && act("retry", `${task.name} runs again`)) },
    { keys: "d", label: "Duplicate the task", run: () => void navigate(`/tasks/new?from=${task.id}`) },
  ]);
  return html`<div class="actions">
    ${!finished && can("tasks.cancel") && html`<button type="button" class="btn btn-sm" onClick=${() => act("cancel", `${task.name} canceled`)}><${Icon} icon="player-stop" />Cancel</button>`}
    ${finished && can("tasks.retry") && html`<button type="button" class="btn btn-sm" onClick=${() => act("retry", `${task.name} runs again`)}><${Icon} icon="refresh" />Retry</button>`}
    ${can("tasks.create") && html`<a class="btn btn-sm" href=${`/tasks/new?from=${task.id}`}><${Icon} icon="copy-plus" />Duplicate</a>`}
    <${Menu} label="More" items=${items} />
  </div>`;
}

/** Runs that are offered at once, and the choice that offers more. */
const OFFERED = 60;
const EARLIER = "earlier";

/** @param {{runs: Run[], value: string}} props newest first; an older run is named in the address */
function RunChoice({ runs, value }) {
  const [most, setMost] = useState(OFFERED);
  const choose = (/** @type {string} */ id) => (id === EARLIER ? setMost(most + OFFERED) : navigate(withQuery({ run: id === runs[0].id ? null : id })));
  return html`<div class="run-choice">
    <select class="form-select form-select-sm" aria-label="Run" value=${value} onChange=${(/** @type {any} */ e) => choose(e.target.value)}>
      ${runs.filter((run, n) => n < most || run.id === value).map((run) => html`<option value=${run.id}>Run ${run.attempt}, ${run.status}</option>`)}
      ${runs.length > most && html`<option value=${EARLIER}>Earlier runs…</option>`}
    </select></div>`;
}

/** What a model is doing before its first word; the system's last line may say how far it is. @param {{last: string}} props */
function Preparing({ last }) {
  const share = /^(.*): (\d+) %$/.exec(last);
  if (!share) return html`<p class="quiet">${last || "The model is thinking…"}</p>`;
  return html`<p class="preparing quiet">${share[1]} <${Progress} part=${Number(share[2]) / 100} label=${share[1]} /> <span class="tabular">${share[2]} %</span></p>`;
}

/** @param {{task: Task, result: Result | null, log: ReturnType<typeof useLog>}} props a prompt's answer, as far as it has come */
function Answer({ task, result, log }) {
  const text = result?.output ?? log.answer;
  if (!text && isFinished(task.status)) return null;
  return html`<section class="card panel" aria-labelledby="h-answer"><header class="panel-head"><h2 id="h-answer">Answer</h2></header>
    <div class="panel-text" aria-busy=${String(!isFinished(task.status))}>${text ? html`<${Markdown} text=${text} />` : task.status === "running" ? html`<${Preparing} last=${log.lines.at(-1)?.text ?? ""} />` : html`<p class="quiet">${task.status === "waiting" && log.runId ? "It goes on once its question is answered." : "Not started yet."}</p>`}</div></section>`;
}

/** @param {{now: Awaited<ReturnType<typeof readTask>>, past: Awaited<ReturnType<ReturnType<typeof pastOf>>>, files: Endless, reload: () => void}} props */
function TaskView({ now: { task, result }, past: { history, runs }, files, reload }) {
  const chosen = runs.find((run) => run.id === place.value.query.get("run"));
  const log = useLog((chosen ?? runs[0])?.id, { whole: task.kind === "prompt" });
  const finished = isFinished(task.status);
  const error = result?.error ?? task.error;
  const hasBegun = (/** @type {Job[]} */ jobs) => jobs.length > 1 && Boolean(jobs[0].started_at);
  const jobs = task.kind === "prompt" ? [] : (result?.jobs ?? []).filter((job, _, all) => job.ended_at || hasBegun(all));
  const logPanel = html`<section class="card panel" aria-labelledby="h-log"><h2 id="h-log" class="visually-hidden">Log</h2>
    <${LogViewer} log=${log} name=${task.name} running=${!finished}>${runs.length > 1 && html`<${RunChoice} runs=${runs} value=${log.runId ?? ""} />`}<//></section>`;
  return html`<nav class="crumbs quiet" aria-label="Lies in"><a href="/tasks">Tasks</a></nav>
    <div class="page-head is-task">
      <div class="task-title"><h1>${task.name}</h1><span role="status"><${Status} status=${task.status} large /></span></div>
      <${Actions} task=${task} runId=${(chosen ?? runs[0])?.id} runs=${runs} reload=${reload} />
    </div>
    <div class="task-grid">
      <div class="task-main">
        ${error && html`<div class=${cx("problem", task.status === "canceled" && "is-calm")} role="status"><${Icon} icon=${task.status === "canceled" ? "ban" : "alert-circle"} /><div><p>${error.message}</p></div></div>`}
        ${task.kind === "prompt" && html`<${Questions} taskId=${task.id} />`}
        ${task.kind === "prompt" && html`<${Answer} task=${task} result=${result} log=${log} />`}
        ${task.kind === "prompt" ? html`<${Steps} taskId=${task.id} /><${Request} task=${task} />${logPanel}` : logPanel}
        ${log.runId && can("processes.read") && html`<${Processes} key=${log.runId} runId=${log.runId} running=${(chosen ?? runs[0])?.status === "running"} />`}
        ${jobs.length > 0 && html`<${Jobs} jobs=${jobs} />`}
        ${(files.data?.items.length || task.kind !== "prompt") && html`<${Files} of=${files} finished=${finished} />`}
        ${task.kind !== "prompt" && html`<${Request} task=${task} />`}
        ${log.runId && html`<${Why} key=${log.runId} runId=${log.runId} />`}
      </div>
      <div class="task-side">
        <${Facts} task=${task} asked=${result?.jobs?.find((job) => job.model)?.model} />
        <${Criteria} task=${task} verification=${result?.verification} />
        <${Timeline} history=${history} runs=${runs} />
        <${Metadata} value=${task.metadata} />
      </div>
    </div>`;
}

/** @param {{id: string}} props */
export default function TaskPage({ id }) {
  const ofTask = about("task.", "run.");
  const now = useResource(id, () => readTask(id), (event) => event.task_id === id && event.name !== "job.progress" && !event.name.startsWith("process."));
  // Its jobs change nothing of what it went through.
  const past = useResource(id, useMemo(() => pastOf(id), [id]), (event) => event.task_id === id && ofTask(event));
  const reload = () => void Promise.all([now.reload(), past.reload()]);
  const files = useFurther(`/v1/tasks/${id}/artifacts`, (event) => event.task_id === id && event.name.startsWith("artifact."));
  useTitle(now.data?.task.name);
  const both = { data: now.data && past.data && { now: now.data, past: past.data }, error: now.error ?? past.error, loading: now.loading || past.loading, reload };
  return html`<${Loaded} of=${both} what="the task" isPage rows=${6}>${(/** @type {any} */ data) => html`<${TaskView} ...${data} files=${files} reload=${reload} />`}<//>`;
}
