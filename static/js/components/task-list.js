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

/** @param {{of: Endless}} props */
export const TaskTable = ({ of }) => html`<table class="table list" aria-label="tasks" aria-rowcount=${of.data?.next_cursor ? -1 : (of.data?.items.length ?? 0) + 1}>
  <thead><tr><th scope="col">Task</th><th scope="col">Status</th><${SortHead} by="created_at" label="Created" class="col-time" /><th scope="col" class="col-took">Took</th></tr></thead>
  <${Rows} of=${of} columns=${4} rows=${of.data?.items ?? []} row=${(/** @type {Task} */ task, /** @type {Record<string, any>} */ attributes) => html`<tr ...${attributes}>
        <td class="cell-name"><${KindIcon} kind=${task.kind} /><a class="row-link" href=${`/tasks/${task.id}`} title=${task.name}>${task.name}</a>
          ${(task.tags ?? []).map((tag) => html`<a class="tag" href=${`/tasks?tag=${encodeURIComponent(tag)}`}>${tag}</a>`)}</td>
        <td><${Status} status=${task.status} /></td>
        <td class="col-time"><${Ago} at=${task.created_at} /></td>
        <td class="col-took">${task.started_at && html`<${Elapsed} from=${task.started_at} to=${isFinished(task.status) ? (task.ended_at ?? task.started_at) : null} />`}</td>
      </tr>`} />
</table>`;
