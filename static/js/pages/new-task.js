/** The composer on a page of its own; `?from=ID` begins with what that task had, `?session_id=ID` makes it part of a session. */
import { html } from "../html.js";
import * as api from "../api.js";
import { place } from "../router.js";
import { can } from "../session.js";
import { useResource } from "../resource.js";
import { commandsText } from "../commands.js";
import { Composer, emptyDraft } from "../components/composer.js";
import { emptyOptions } from "../components/options.js";
import { Empty, Loaded } from "../components/states.js";
/** @import { Task } from "../types.js" */
/** @import { Draft } from "../components/composer.js" */

/** The draft that would make the same task again. @param {Task} task @returns {Draft} */
function draftOf(task) {
  return {
    ...emptyDraft(),
    kind: task.kind,
    prompt: task.prompt ?? "",
    script: task.script?.content ?? "",
    interpreter: task.script?.interpreter ?? "bash",
    commands: commandsText(task.commands ?? []),
    keepGoing: task.continue_on_error ?? false,
    options: emptyOptions(task),
    kept: task.attachments ?? [],
    again: task,
  };
}

/** @param {{from: string}} props */
function Duplicate({ from }) {
  const task = useResource(from, () => api.get(`/v1/tasks/${encodeURIComponent(from)}`));
  return html`<${Loaded} of=${task} what="the task">${(/** @type {Task} */ it) => html`<${Composer} start=${draftOf(it)} autofocus />`}<//>`;
}

export default function NewTaskPage() {
  if (!can("tasks.create")) return html`<div class="page-head"><h1>New task</h1></div><${Empty} title="You may not make tasks">Whoever gives roles here can allow it: the action is <code>tasks.create</code>.<//>`;
  const [from, session] = ["from", "session_id"].map((name) => place.value.query.get(name));
  return html`<div class="narrow"><div class="page-head"><h1>${from ? "Duplicate task" : "New task"}</h1></div>
    ${from ? html`<${Duplicate} from=${from} />` : html`<${Composer} autofocus session=${session} />`}</div>`;
}
