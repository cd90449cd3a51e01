/** The list of tasks: filtered, searched and sorted by the address, read on as one comes to its end. */
import { html } from "../html.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { about } from "../resource.js";
import { Ago, Elapsed } from "../components/clock.js";
import { Icon } from "../components/icon.js";
import { FoundCount, SortHead, useRowKeys } from "../components/list.js";
import { Rows, RowsEnd } from "../components/rows.js";
import { SearchField } from "../components/search-field.js";
import { Empty, Loaded } from "../components/states.js";
import { Status, isFinished } from "../components/status.js";
import { KindIcon } from "../components/task-list.js";
/** @import { Endless, Page } from "../endless.js" */
/** @import { Task } from "../types.js" */

const STATUSES = ["running", "queued", "waiting", "completed", "failed", "canceled"];

/** @param {{of: Endless}} props */
const TaskTable = ({ of }) => html`<table class="table list" aria-label="tasks" aria-rowcount=${of.data?.next_cursor ? -1 : (of.data?.items.length ?? 0) + 1}>
  <thead><tr aria-rowindex="1"><${SortHead} by="name" label="Task" /><${SortHead} by="status" label="Status" /><${SortHead} by="created_at" label="Created" class="col-time" /><${SortHead} by="duration_s" label="Took" class="col-took" /></tr></thead>
  <${Rows} of=${of} columns=${4} rows=${of.data?.items ?? []} row=${(/** @type {Task} */ task, /** @type {Record<string, any>} */ attributes) => html`<tr ...${attributes}>
        <td class="cell-name"><${KindIcon} kind=${task.kind} /><a class="row-link" href=${`/tasks/${task.id}`} title=${task.name}>${task.name}</a>
          ${(task.tags ?? []).map((tag) => html`<a class="tag" href=${`/tasks?tag=${encodeURIComponent(tag)}`}>${tag}</a>`)}</td>
        <td><${Status} status=${task.status} /></td>
        <td class="col-time"><${Ago} at=${task.created_at} /></td>
        <td class="col-took">${task.started_at && html`<${Elapsed} from=${task.started_at} to=${isFinished(task.status) ? (task.ended_at ?? task.started_at) : null} />`}</td>
      </tr>`} />
</table>`;

export default function TasksPage() {
  const query = place.value.query;
  const [status, tag, q] = ["status", "tag", "q"].map((name) => query.get(name));
  const list = useEndless({ status, tag, q }, (filters) => api.get("/v1/tasks", filters), about("task."));
  useRowKeys();
  const filtered = Boolean(status || tag || q);

  return html`<div class="page-head"><h1>Tasks</h1>
      ${can("tasks.create") && html`<a class="btn btn-primary btn-sm" href="/tasks/new"><${Icon} icon="plus" />New task</a>`}</div>
    <div class="filters">
      <nav class="filter-set" aria-label="Status">
        ${[null, ...STATUSES].map((one) => html`<a href=${withQuery({ status: one, cursor: null })} aria-current=${one === status ? "true" : null}>${one ?? "all"}</a>`)}
      </nav>
      ${tag && html`<a class="tag is-on" href=${withQuery({ tag: null, cursor: null })} aria-label=${`Stop filtering by tag ${tag}`}>${tag}<${Icon} icon="x" /></a>`}
      <${SearchField} label="Search tasks" />
    </div>
    <div class="card list-card"><${FoundCount} of=${list} />
      <${Loaded} of=${list} what="the tasks" rows=${8}>
        ${(/** @type {Page} */ page) =>
          page.items.length
            ? html`<${TaskTable} of=${list} /><${RowsEnd} of=${list} />`
            : filtered || query.get("cursor")
              ? html`<${Empty} title="No task matches">Change the filter, or <a href="/tasks">show all tasks</a>.<//>`
              : html`<${Empty} title="No tasks yet">A task is a prompt that a model answers, or a script or commands that run in a sandbox. ${can("tasks.create") && html`<a href="/tasks/new">Start the first one</a>.`}<//>`}
      <//>
    </div>`;
}
