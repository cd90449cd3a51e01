/** The list of tasks: filtered, searched, sorted and paged by the address. */
import { html } from "../html.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useResource } from "../resource.js";
import { Icon } from "../components/icon.js";
import { Pager, useRowKeys } from "../components/list.js";
import { SearchField } from "../components/search-field.js";
import { Empty, Loaded } from "../components/states.js";
import { TaskTable, sorted } from "../components/task-list.js";
/** @import { Page, Task } from "../types.js" */

const STATUSES = ["running", "queued", "waiting", "completed", "failed", "canceled"];
const PAGE = 50;

export default function TasksPage() {
  const query = place.value.query;
  const [status, tag, q, cursor] = ["status", "tag", "q", "cursor"].map((name) => query.get(name));
  const filters = { status, tag, q, cursor, limit: PAGE };
  const list = useResource(JSON.stringify(filters), () => api.get("/v1/tasks", filters), (event) => event.name.startsWith("task."));
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
    <div class="card list-card">
      <${Loaded} of=${list} what="the tasks" rows=${8}>
        ${(/** @type {Page<Task>} */ page) =>
          page.items.length
            ? html`<${TaskTable} tasks=${sorted(page.items, query.get("sort"))} /><${Pager} next=${page.next_cursor} />`
            : filtered || cursor
              ? html`<${Empty} title="No task matches">Change the filter, or <a href="/tasks">show all tasks</a>.<//>`
              : html`<${Empty} title="No tasks yet"><a href="/tasks/new">Start the first one</a>.<//>`}
      <//>
    </div>`;
}
