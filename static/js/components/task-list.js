/** Tasks as rows: the table of the Tasks page and the short lists of Home. */
import { html } from "../html.js";
import { remaining } from "../going.js";
import { Ago, Elapsed } from "./clock.js";
import { Icon } from "./icon.js";
import { SortHead } from "./list.js";
import { Rows } from "./rows.js";
import { Status, isFinished } from "./status.js";
/** @import { Endless } from "../endless.js" */
/** @import { Task } from "../types.js" */

/** @param {{kind: string}} props */
export function KindIcon({ kind }) {
  if (kind === "prompt") return html`<${Icon} icon="message" class="kind" />`;
  if (kind === "script") return html`<${Icon} icon="file-code" class="kind" />`;
  return html`<${Icon} icon="terminal-2" class="kind" />`;
}

/** @param {{tasks: Task[], time: (task: Task) => any}} props */
export const ShortList = ({ tasks, time }) => html`<ul class="short-list">
  ${remaining(tasks).map(
    (task) => html`<li key=${task.id}><a href=${`/tasks/${task.id}`}><${KindIcon} kind=${task.kind} /><span class="short-name">${task.name}</span></a>
      <${Status} status=${task.status} /><span class="short-time quiet">${time(task)}</span></li>`,
  )}
</ul>`;

/** @type {Record<string, (task: Task) => string | number>} */
const SORTS = {
  name: (task) => task.name,
  status: (task) => task.status,
  created: (task) => Date.parse(task.created_at),
  took: (task) => (task.started_at ? (task.ended_at ? Date.parse(task.ended_at) : Date.now()) - Date.parse(task.started_at) : -1),
};

/** Sorts what has been read by what the address says: `name`, or `-name` for the other way round. @param {Task[]} tasks @param {string | null} by */
export function sorted(tasks, by) {
  const value = SORTS[by?.replace("-", "") ?? ""];
  if (!value) return tasks;
  const sign = by?.startsWith("-") ? -1 : 1;
  return [...tasks].sort((a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : 0));
}

/** @param {{of: Endless, by: string | null}} props by: what the rows are sorted by */
export const TaskTable = ({ of, by }) => html`<table class="table list" aria-label="tasks" aria-rowcount=${of.data?.next_cursor ? -1 : (of.data?.items.length ?? 0) + 1}>
  <thead><tr><${SortHead} by="name" label="Task" shown /><${SortHead} by="status" label="Status" shown /><${SortHead} by="created" label="Created" class="col-time" shown /><${SortHead} by="took" label="Took" class="col-took" shown /></tr></thead>
  <${Rows} of=${of} columns=${4} rows=${sorted(/** @type {any[]} */ (of.data?.items ?? []), by)} row=${(/** @type {Task} */ task, /** @type {Record<string, any>} */ attributes) => html`<tr ...${attributes}>
        <td class="cell-name"><${KindIcon} kind=${task.kind} /><a class="row-link" href=${`/tasks/${task.id}`} title=${task.name}>${task.name}</a>
          ${(task.tags ?? []).map((tag) => html`<a class="tag" href=${`/tasks?tag=${encodeURIComponent(tag)}`}>${tag}</a>`)}</td>
        <td><${Status} status=${task.status} /></td>
        <td class="col-time"><${Ago} at=${task.created_at} /></td>
        <td class="col-took">${task.started_at && html`<${Elapsed} from=${task.started_at} to=${isFinished(task.status) ? (task.ended_at ?? task.started_at) : null} />`}</td>
      </tr>`} />
</table>`;
