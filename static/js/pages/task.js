/** One task: its state, live log, results, artifacts, and what can be done with it. */
import { html } from "../html.js";
import * as api from "../api.js";
import { navigate, place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useResource } from "../resource.js";
import { useShortcuts } from "../keys.js";
import { copy } from "../components/copy.js";
import { confirmFirst } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { LogViewer, useLog } from "../components/log.js";
import { Markdown } from "../components/markdown.js";
import { Menu } from "../components/menu.js";
import { Progress } from "../components/progress.js";
import { Loaded } from "../components/states.js";
import { Status, isFinished } from "../components/status.js";
import { Criteria, Facts, Files, Jobs, Request, Timeline, asCurl, asPython } from "../components/task-parts.js";
import { attempt, toast } from "../components/toast.js";
/** @import { Artifact, Change, Result, Run, Task } from "../types.js" */

const LIST = 200;

/** A task's result; there is none before it has run. @param {string} id @returns {Promise<Result | null>} */
async function resultOf(id) {
  try {
    return await api.get(`/v1/tasks/${id}/result`);
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 409) return null;
    throw error;
  }
}

/** Everything about a task but its log, read together. @param {string} id */
async function readTask(id) {
  const [task, result, history, runs, artifacts] = await Promise.all([
    api.get(`/v1/tasks/${id}`),
    resultOf(id),
    api.get(`/v1/tasks/${id}/history`, { limit: LIST }),
    api.get("/v1/runs", { task_id: id, limit: LIST }),
    api.get(`/v1/tasks/${id}/artifacts`, { limit: LIST }),
  ]);
  return {
    task: /** @type {Task} */ (task),
    result,
    history: /** @type {Change[]} */ (history.items),
    runs: /** @type {Run[]} */ (runs.items),
    artifacts: /** @type {Artifact[]} */ (artifacts.items),
  };
}

/** @param {{task: Task, reload: () => void}} props */
function Actions({ task, reload }) {
  const act = (/** @type {string} */ verb, /** @type {string} */ done) => attempt(() => api.post(`/v1/tasks/${task.id}/${verb}`), done).then(reload);
  const finished = isFinished(task.status);
  const ask = () =>
    confirmFirst({
      title: `Delete ${task.name}?`,
      text: html`The task <b>${task.name}</b> is deleted with its log, results and history.`,
      action: "Delete task",
      run: async () => {
        await api.remove(`/v1/tasks/${task.id}`);
        toast(`${task.name} deleted`);
        navigate("/tasks");
      },
    });
  const items = [
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

/** @param {{runs: Run[], value: string}} props newest first; an older run is named in the address */
const RunChoice = ({ runs, value }) => html`<div class="run-choice">
  <select class="form-select form-select-sm" aria-label="Run" value=${value} onChange=${(/** @type {any} */ e) => navigate(withQuery({ run: e.target.value === runs[0].id ? null : e.target.value }))}>
    ${runs.map((run) => html`<option value=${run.id}>Run ${run.attempt}, ${run.status}</option>`)}
  </select></div>`;

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
    <div class="panel-text" aria-busy=${String(!isFinished(task.status))}>${text ? html`<${Markdown} text=${text} />` : task.status === "running" ? html`<${Preparing} last=${log.lines.at(-1)?.text ?? ""} />` : html`<p class="quiet">Not started yet.</p>`}</div></section>`;
}

/** @param {{data: Awaited<ReturnType<typeof readTask>>, reload: () => void}} props */
function TaskView({ data: { task, result, history, runs, artifacts }, reload }) {
  const chosen = runs.find((run) => run.id === place.value.query.get("run"));
  const log = useLog(task.id, (chosen ?? runs[0])?.id);
  const finished = isFinished(task.status);
  const error = result?.error ?? task.error;
  const jobs = task.kind === "prompt" ? [] : (result?.jobs ?? []).filter((job) => job.ended_at);
  const logPanel = html`<section class="card panel" aria-labelledby="h-log"><h2 id="h-log" class="visually-hidden">Log</h2>
    <${LogViewer} log=${log} name=${task.name} running=${!finished}>${runs.length > 1 && html`<${RunChoice} runs=${runs} value=${log.runId ?? ""} />`}<//></section>`;
  return html`<div class="page-head is-task">
      <div class="task-title"><h1>${task.name}</h1><${Status} status=${task.status} large /></div>
      <${Actions} task=${task} reload=${reload} />
    </div>
    <div class="task-grid">
      <div class="task-main">
        ${error && html`<div class="problem" role="status"><${Icon} icon="alert-circle" /><div><p>${error.message}</p></div></div>`}
        ${task.kind === "prompt" && html`<${Answer} task=${task} result=${result} log=${log} />`}
        ${task.kind === "prompt" ? html`<${Request} task=${task} />${logPanel}` : logPanel}
        ${jobs.length > 0 && html`<${Jobs} jobs=${jobs} />`}
        ${(artifacts.length > 0 || task.kind !== "prompt") && html`<${Files} artifacts=${artifacts} finished=${finished} />`}
        ${task.kind !== "prompt" && html`<${Request} task=${task} />`}
      </div>
      <div class="task-side">
        <${Facts} task=${task} />
        ${((task.acceptance_criteria ?? []).length > 0 || result?.verification) && html`<${Criteria} criteria=${task.acceptance_criteria ?? []} verification=${result?.verification} />`}
        <${Timeline} history=${history} runs=${runs} />
      </div>
    </div>`;
}

/** @param {{id: string}} props */
export default function TaskPage({ id }) {
  const read = useResource(id, () => readTask(id), (event) => event.task_id === id && event.name !== "job.progress");
  return html`<${Loaded} of=${read} what="the task" rows=${6}>${(/** @type {any} */ data) => html`<${TaskView} data=${data} reload=${read.reload} />`}<//>`;
}
