/** Tasks as a short list, and the mark of their kind. */
import { html } from "../html.js";
import { remaining } from "../going.js";
import { Icon } from "./icon.js";
import { Status } from "./status.js";
/** @import { Task } from "../types.js" */

/** @param {{kind: string}} props */
export function KindIcon({ kind }) {
  if (kind === "prompt") return html`<${Icon} icon="message" class="kind" />`;
  if (kind === "script") return html`<${Icon} icon="file-code" class="kind" />`;
  return html`<${Icon} icon="terminal-2" class="kind" />`;
}

/** Tasks of the status that a heading names. @param {{tasks: Task[], time: (task: Task) => any}} props */
export const ShortList = ({ tasks, time }) => html`<ul class="short-list">
  ${remaining(tasks).map(
    (task) => html`<li key=${task.id}><a href=${`/tasks/${task.id}`}><${KindIcon} kind=${task.kind} /><span class="short-name">${task.name}</span></a>
      <${Status} status=${task.status} word="" /><span class="short-time quiet">${time(task)}</span></li>`,
  )}
</ul>`;
