/** Runs: of nodes, sub-agents and tools, by status. */
import { html } from "../html.js";
import { runName } from "../format.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { useEndless } from "../endless.js";
import { about } from "../resource.js";
import { RUN_TABS } from "../routes.js";
import { Ago, Elapsed } from "../components/clock.js";
import { Icon } from "../components/icon.js";
import { List } from "../components/list.js";
import { Empty } from "../components/states.js";
import { Status, isFinished } from "../components/status.js";
import { Tabs } from "../components/tabs.js";
/** @import { Run } from "../types.js" */

const STATUSES = ["running", "pending", "completed", "failed", "canceled"];
const KINDS = { task: "task", agent: "sub-agent", external: "tool" };

export default function RunsPage() {
  const query = place.value.query;
  const filters = Object.fromEntries(["status", "session_id", "parent_run_id"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (query) => api.get("/v1/runs", query), about("run.", "task.updated"), 500);
  const columns = [
    { head: "Run", class: "cell-name", cell: (/** @type {Run} */ run) => html`<a class="row-link" href=${`/runs/${run.id}`}>${run.task_name && !run.name ? html`${run.task_name} <span class="quiet">attempt ${run.attempt}</span>` : runName(run)}</a> <span class="tag">${KINDS[run.kind]}</span>` },
    { head: "Status", cell: (/** @type {Run} */ run) => html`<${Status} status=${run.status} />` },
    { head: "Took", class: "col-wide", cell: (/** @type {Run} */ run) => html`<${Elapsed} from=${run.started_at} to=${isFinished(run.status) ? (run.ended_at ?? run.started_at) : null} />` },
    { head: "Created", sort: "created_at", class: "col-time", cell: (/** @type {Run} */ run) => html`<${Ago} at=${run.created_at} />` },
  ];
  return html`<div class="page-head"><h1>Sessions & runs</h1></div>
    <${Tabs} tabs=${RUN_TABS} label="Sessions and runs" />
    <div class="filters"><nav class="filter-set" aria-label="Status">
        ${[null, ...STATUSES].map((one) => html`<a href=${withQuery({ status: one, cursor: null })} aria-current=${one === filters.status ? "true" : null}>${one ?? "all"}</a>`)}
      </nav>
      ${filters.session_id && html`<a class="tag is-on" href=${withQuery({ session_id: null, cursor: null })}>of one session<${Icon} icon="x" /></a>`}
      ${filters.parent_run_id && html`<a class="tag is-on" href=${withQuery({ parent_run_id: null, cursor: null })}>below one run<${Icon} icon="x" /></a>`}</div>
    <${List} of=${list} what="the runs" columns=${columns} empty=${html`<${Empty} title="No runs yet">Each attempt at a task is one, and so is what a tool of yours records.<//>`} />`;
}
