/** One message: what was said, how it ended, what the agent did for it, and what can be done with it. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../../html.js";
import * as api from "../../api.js";
import { bringBack, whereFocusIs } from "../../focus.js";
import { callsOf, filesOf, picturesOf, siblingsOf } from "../../chat-tree.js";
import { useFurther } from "../../endless.js";
import { useResource } from "../../resource.js";
import { wrote } from "../../unsent.js";
import { Ago } from "../../components/clock.js";
import { copy } from "../../components/copy.js";
import { Icon, IconButton } from "../../components/icon.js";
import { Markdown, REDACTED, REDACTED_TITLE } from "../../components/markdown.js";
import { Download, PreviewDialog, previewKind } from "../../components/preview.js";
import { Questions } from "../../components/questions.js";
import { ReadOn } from "../../components/rows.js";
import { Steps } from "../../components/steps.js";
/** @import { Artifact, Message } from "../../types.js" */
/** @import { Call, Live } from "../../answers.js" */

/** @param {{text: string}} props text as it was written, secrets that were taken out marked */
const Plain = ({ text }) => html`<div class="chat-plain">${text.split(REDACTED).map((part, index) => html`${index > 0 && html`<mark class="redacted" title=${REDACTED_TITLE}>${REDACTED}</mark>`}${part}`)}</div>`;

/** @param {{id: string, filename: string}} props an attached artifact, as far as it is still there */
function Attached({ id, filename }) {
  const [open, setOpen] = useState(false);
  const read = useResource(id, () => api.get(`/v1/artifacts/${id}`));
  const artifact = /** @type {Artifact | null} */ (read.data);
  if (!artifact) return html`<span class="chip"><${Icon} icon="file" /><span class="chip-text">${filename}</span>${read.error && html`<span class="quiet">no longer there</span>`}</span>`;
  const isPicture = previewKind(artifact) === "image";
  return html`<button type="button" class=${isPicture ? "chat-picture" : "chip"} onClick=${() => setOpen(true)} aria-label=${`Look at ${artifact.filename}`}>
      ${isPicture ? html`<img src=${api.artifactAddress(id)} alt=${artifact.filename} />` : html`<${Icon} icon="file" /><span class="chip-text">${artifact.filename}</span>`}
    </button>
    ${open && html`<${PreviewDialog} artifact=${artifact} onClose=${() => setOpen(false)} />`}`;
}

/** @param {{calls: Call[]}} props what a model wanted a client's tools to do */
export const Calls = ({ calls }) => html`${calls.map(
  (call, index) => html`<details class="chat-call" key=${index}><summary><${Icon} icon="tool" />Call of <code>${call.name || "a tool"}</code></summary><pre tabindex="0" aria-label=${`Arguments of ${call.name}`}>${call.arguments}</pre></details>`,
)}`;

/** The artifacts that the agent made for an answer. @param {{taskId: string}} props */
function Made({ taskId }) {
  const [shown, setShown] = useState(/** @type {Artifact | null} */ (null));
  const read = useFurther(`/v1/tasks/${taskId}/artifacts`, (event) => event.task_id === taskId && event.name.startsWith("artifact."));
  const all = /** @type {Artifact[]} */ (read.data?.items ?? []);
  const made = all.filter((artifact) => artifact.origin === "task");
  if (!made.length) return null;
  return html`<ul class="chips" aria-label="Files of this answer">${made.map((artifact) => html`<li class="chip" key=${artifact.id}><${Icon} icon="file" /><button type="button" class="link chip-text" onClick=${() => setShown(artifact)}>${artifact.filename}</button><${Download} artifact=${artifact} class="icon-button is-download" /></li>`)}</ul><${ReadOn} of=${read} count=${all.length} />
    ${shown && html`<${PreviewDialog} artifact=${shown} onClose=${() => setShown(null)} />`}`;
}

/** @param {{message: Message}} props how an answer ended, where it did not end well */
function Ending({ message: { status, text, error, finish_reason: reason } }) {
  const why = error?.message ? ` ${error.message}` : "";
  if (status === "failed") return html`<p class="chat-note is-failed" role="status"><${Icon} icon="alert-circle" />${why.trim() || "No answer came."}</p>`;
  if (status === "cut") return html`<p class="chat-note is-cut" role="status"><${Icon} icon="cut" />${text ? "Cut short: this is as far as it came." : "Stopped before anything came."}${why}</p>`;
  if (reason === "length") return html`<p class="chat-note"><${Icon} icon="cut" />Ended at the longest length that was allowed.</p>`;
  return null;
}

/** Which of the messages that stand for one another is shown. @param {{all: Message[], message: Message, onShow: (id: string) => void}} props */
function Versions({ all, message, onShow }) {
  const versions = siblingsOf(all, message);
  if (versions.length < 2) return null;
  const at = versions.findIndex(({ id }) => id === message.id);
  const what = message.role === "user" ? "question" : "answer";
  return html`<span class="chat-versions"><${IconButton} icon="chevron-left" label=${`Earlier ${what}`} disabled=${!at} onClick=${() => onShow(versions[at - 1].id)} />
    <span class="tabular quiet">${at + 1} / ${versions.length}</span>
    <${IconButton} icon="chevron-right" label=${`Later ${what}`} disabled=${at === versions.length - 1} onClick=${() => onShow(versions[at + 1].id)} /></span>`;
}

/** @param {{said: string, text: string, onSave: (text: string) => void, onCancel: () => void}} props `said`: what was sent; `text`: what is written of it so far */
function Editor({ said, text, onSave, onCancel }) {
  const [value, setValue] = useState(text);
  const [isWarned, setWarned] = useState(false);
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useLayoutEffect(() => {
    const before = whereFocusIs();
    area.current?.focus();
    if (text !== said && area.current?.form) wrote(area.current.form);
    return () => void (area.current?.matches(":focus") && bringBack(before));
  }, []);
  const save = () => value.trim() && onSave(value.trim());
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    // As with any form, a slip does not lose what was written.
    if (event.key === "Escape") value === said || isWarned ? onCancel() : setWarned(true);
    if (event.key === "Enter" && event.target === area.current && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      save();
    }
  };
  return html`<form class="chat-editor" onInput=${(/** @type {any} */ e) => wrote(e.currentTarget)} onSubmit=${(/** @type {Event} */ e) => (e.preventDefault(), save())} onKeyDown=${onKeyDown}>
    <textarea class="form-control" aria-label="Edit your message" rows=${Math.min(12, value.split("\n").length + 1)} value=${value} onInput=${(/** @type {any} */ e) => (setValue(e.target.value), setWarned(false))} ref=${area}></textarea>
    ${isWarned && html`<p class="chat-note" role="alert">This is not sent yet. <kbd>Esc</kbd> once more drops it.</p>`}
    <div class="form-buttons"><button type="button" class="btn btn-sm" onClick=${onCancel}>Cancel</button><button type="submit" class="btn btn-sm btn-primary">Send</button></div>
  </form>`;
}

/** From where the words of a message come that are not the user's own; nothing for theirs. @param {Message} message */
const outsideOf = ({ source }) => (source ? `From ${source.replace(/^hook:/, "the hook ")}, not from you` : "");

/**
 * @typedef {object} Doings
 * @property {((message: Message, text: string) => Promise<boolean>) | null} onEdit whether it was taken
 * @property {((message: Message) => void) | null} onRetry
 * @property {(id: string) => void} onShow
 */

/** @param {{message: Message, all: Message[], doings: Doings}} props */
function Said({ message, all, doings }) {
  const [edited, setEdited] = useState(/** @type {string | null} */ (null));
  const isEdited = edited !== null;
  // What was not taken is there to be sent again.
  const save = async (/** @type {string} */ text) => {
    setEdited(null);
    if (!(await doings.onEdit?.(message, text))) setEdited(text);
  };
  const files = filesOf(message);
  const from = outsideOf(message);
  return html`<article class="chat-message is-user" aria-label=${from || "You"}>
    ${from && html`<header class="chat-model quiet"><${Icon} icon="webhook" />${from}</header>`}
    ${isEdited
      ? html`<${Editor} said=${message.text} text=${edited} onSave=${save} onCancel=${() => setEdited(null)} />`
      : html`<div class="chat-bubble">
          ${(files.length > 0 || picturesOf(message).length > 0) && html`<div class="chat-files">${files.map((file) => html`<${Attached} key=${file.id} ...${file} />`)}${picturesOf(message).map((url) => html`<img class="chat-inline-picture" src=${url} alt="A picture that was sent" />`)}</div>`}
          ${message.text && html`<${Plain} text=${message.text} />`}
        </div>`}
    ${message.text.includes(REDACTED) && html`<p class="chat-note"><${Icon} icon="shield-lock" />A secret was taken out before this was stored or sent.</p>`}
    <footer class="chat-foot"><span class="quiet chat-time"><${Ago} at=${message.created_at} /></span><${Versions} all=${all} message=${message} onShow=${doings.onShow} />
      <${IconButton} icon="copy" label="Copy your message" onClick=${() => copy(message.text, "Message")} />
      ${doings.onEdit && html`<${IconButton} icon="pencil" label="Edit and ask again" pressed=${isEdited} onClick=${() => setEdited(isEdited ? null : message.text)} />`}</footer>
  </article>`;
}

/** @param {{message: Message, all: Message[], live: Live | null, doings: Doings}} props */
function Answer({ message, all, live, doings }) {
  const isComing = message.status === "streaming";
  const text = isComing && live && live.text.length >= message.text.length ? live.text : message.text;
  const taskId = message.task_id ?? (isComing ? live?.taskId : null);
  const calls = isComing && live?.calls.length ? live.calls : callsOf(message);
  const isSilent = isComing && !text;
  return html`<article class="chat-message is-answer" aria-label=${`Answer of ${message.model ?? "a model"}`} aria-busy=${String(isComing)}>
    <header class="chat-model quiet">${message.model ?? message.role}${taskId && html` <a href=${`/tasks/${taskId}`}>Task</a>`}</header>
    ${taskId && html`<${Steps} taskId=${taskId} folded />`}
    ${isSilent ? html`<p class="chat-thinking quiet" role="status"><span class="pulse" aria-hidden="true"></span>${live?.state === "lost" ? "Connecting again…" : taskId ? "At work…" : "Thinking…"}</p>` : html`<${Markdown} text=${text} />`}
    ${calls.length > 0 && html`<${Calls} calls=${calls} />`}
    ${taskId && html`<${Questions} taskId=${taskId} /><${Made} taskId=${taskId} />`}
    ${isComing && live?.error && html`<p class="chat-note is-failed" role="status"><${Icon} icon="alert-circle" />${live.error.message}</p>`}
    ${!isComing && html`<${Ending} message=${message} />
      <footer class="chat-foot"><span class="quiet chat-time"><${Ago} at=${message.updated_at} /></span><${Versions} all=${all} message=${message} onShow=${doings.onShow} />
        ${text && html`<${IconButton} icon="copy" label="Copy the answer" onClick=${() => copy(text, "Answer")} />`}
        ${doings.onRetry && html`<${IconButton} icon="refresh" label="Ask again" onClick=${() => doings.onRetry?.(message)} />`}</footer>`}
  </article>`;
}

/** @param {{message: Message, all: Message[], live: Live | null, doings: Doings}} props */
export function MessageView(props) {
  const { message } = props;
  if (message.role === "user") return html`<${Said} ...${props} />`;
  if (message.role === "assistant") return html`<${Answer} ...${props} />`;
  return html`<details class=${cx("chat-call", "is-aside")}><summary><${Icon} icon="tool" />${message.role === "tool" ? "What a tool answered" : "Instructions"}</summary><pre tabindex="0" aria-label=${message.role}>${message.text}</pre></details>`;
}
