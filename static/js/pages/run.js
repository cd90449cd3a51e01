/** One run: its status, its log, what lies below it, and its transcript. A part of it is one entry of PARTS. */
import { html } from "../html.js";
import { runName } from "../format.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useResource } from "../resource.js";
import { useTitle } from "../title.js";
import { Ago, Elapsed } from "../components/clock.js";
import { Id } from "../components/copy.js";
import { Icon } from "../components/icon.js";
import { Metadata } from "../components/json.js";
import { LogViewer, useLog } from "../components/log.js";
import { RunName, SessionName } from "../components/named.js";
import { Empty, Loaded } from "../components/states.js";
import { Status, isFinished } from "../components/status.js";
import { TimeTree, runNode } from "./time-tree.js";
import { Transcript } from "../components/transcript.js";
/** @import { Run } from "../types.js" */
/** @import { Node } from "./time-tree.js" */

const PAGE = 100;
const MOST_PARENTS = 40;

/** The runs below one, at any depth, as far as `left` parents go. @param {string} id @param {{parents: number, cut: boolean}} left @returns {Promise<Node[]>} */
async function below(id, left) {
  const page = await api.get("/v1/runs", { parent_run_id: id, limit: PAGE });
  left.cut ||= Boolean(page.next_cursor);
  const nodes = [];
  for (const run of page.items.reverse()) {
    left.cut ||= left.parents <= 0;
    nodes.push(runNode(run, left.parents-- > 0 ? await below(run.id, left) : []));
  }
  return nodes;
}

/** @param {string} id */
async function readBelow(id) {
  const left = { parents: MOST_PARENTS, cut: false };
  return { nodes: await below(id, left), cut: left.cut };
}

/** @param {{run: Run}} props */
function Log({ run }) {
  const log = useLog(run.id);
  return html`<section class="card panel" aria-labelledby="h-log"><h2 id="h-log" class="visually-hidden">Log</h2>
    ${run.log_cut && html`<p class="stale">The log was longer than is kept; its end is not here.</p>`}
    <${LogViewer} log=${log} name=${run.name ?? `run-${run.id}`} running=${!isFinished(run.status)} /></section>`;
}

/** @param {{run: Run}} props */
function Below({ run }) {
  const read = useResource(run.id, () => readBelow(run.id), (event) => event.name.startsWith("run."), 500);
  return html`<section class="card panel" aria-labelledby="h-below"><header class="panel-head"><h2 id="h-below">This run and those below it</h2></header>
    <${Loaded} of=${read} what="the runs below it" rows=${3}>
      ${(/** @type {{nodes: Node[], cut: boolean}} */ { nodes, cut }) => html`<${TimeTree} nodes=${[runNode(run, nodes)]} label="Runs" current=${run.id} />${nodes.length === 0 && html`<${Empty} title="No runs below this one">Sub-agents, and runs that name this one as their parent, appear here.<//>`}
        ${cut && html`<p class="log-note">There may be more than is shown; a run further down shows what is below it, and the list <a href=${`/runs?parent_run_id=${run.id}`}>all that are right below this one</a>.</p>`}`}
    <//></section>`;
}

/**
 * The parts of the page, in their order; further ones are added here.
 * @type {{key: string, label: string, action: string, view: (props: {run: Run}) => any}[]}
 */
export const PARTS = [
  { key: "log", label: "Log", action: "runs.read", view: Log },
  { key: "below", label: "Below it", action: "runs.read", view: Below },
  { key: "transcript", label: "Transcript", action: "transcripts.read", view: ({ run }) => html`<${Transcript} of="runs" id=${run.id} />` },
];

/** @param {{label: string, children?: any}} props */
const Fact = ({ label, children }) => html`<div><dt>${label}</dt><dd>${children}</dd></div>`;

/** @param {{run: Run}} props */
const Facts = ({ run }) => html`<section class="card panel" aria-label="Facts"><dl class="facts">
  <${Fact} label="Id"><${Id} id=${run.id} what="Run id" /><//>
  <${Fact} label="Created"><${Ago} at=${run.created_at} /><//>
  ${run.started_at && html`<${Fact} label="Took"><${Elapsed} from=${run.started_at} to=${isFinished(run.status) ? (run.ended_at ?? run.started_at) : null} /><//>`}
  ${run.task_id && html`<${Fact} label="Task"><a href=${`/tasks/${run.task_id}?run=${run.id}`}>${run.task_name ?? run.task_id.slice(-8)}</a><//>`}
  ${run.session_id && html`<${Fact} label="Session"><${SessionName} id=${run.session_id} /><//>`}
  ${run.parent_run_id && html`<${Fact} label="Part of"><${RunName} id=${run.parent_run_id} /><//>`}
  <${Fact} label="Trace"><${Id} id=${run.traceparent.split("-")[1]} what="Trace id" /><//>
</dl></section>
<${Metadata} value=${run.metadata} />`;

/** @param {{run: Run}} props */
function RunView({ run }) {
  const shown = PARTS.filter((part) => can(part.action));
  const part = shown.find((each) => each.key === place.value.query.get("part")) ?? shown[0];
  return html`<nav class="crumbs quiet" aria-label="Lies in"><a href="/runs">Runs</a></nav>
    <div class="page-head is-task"><div class="task-title"><h1>${runName(run)}</h1><span role="status"><${Status} status=${run.status} large /></span></div></div>
    ${run.error && html`<div class="problem" role="status"><${Icon} icon="alert-circle" /><div><p>${run.error.message}</p></div></div>`}
    <nav class="page-tabs" aria-label="Parts">${shown.map((each) => html`<a href=${withQuery({ part: each === shown[0] ? null : each.key })} aria-current=${each === part ? "page" : null}>${each.label}</a>`)}</nav>
    <div class="task-grid"><div class="task-main"><${part.view} key=${part.key} run=${run} /></div><div class="task-side"><${Facts} run=${run} /></div></div>`;
}

/** @param {{id: string}} props */
export default function RunPage({ id }) {
  const read = useResource(id, () => api.get(`/v1/runs/${id}`), (event) => event.run_id === id && event.name.startsWith("run."));
  useTitle(read.data && runName(read.data));
  return html`<${Loaded} of=${read} what="the run" isPage rows=${6}>${(/** @type {Run} */ run) => html`<${RunView} key=${id} run=${run} />`}<//>`;
}
