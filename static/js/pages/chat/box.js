/** The box for what one says: text, files, and which model is asked. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { refusalOf, setRefusal } from "../../answers.js";
import { about, useResource } from "../../resource.js";
import { holdsUnsent } from "../../unsent.js";
import { DropZone, FileButton } from "../../components/files.js";
import { Icon, IconButton } from "../../components/icon.js";
import { Problem } from "../../components/problem.js";
import { Progress } from "../../components/progress.js";
import { toastError } from "../../components/toast.js";
/** @import { Artifact, Model } from "../../types.js" */

const HIGHEST = 0.4;
const KEPT_MODEL = "chat-model";

/** What was written and not sent, by thread, while the console is open. @type {Map<string, string>} */
const drafts = new Map();

/** @typedef {{name: string, part: number, artifact: Artifact | null}} Attachment */

/** What was attached and not sent, so too. @type {import("@preact/signals").Signal<Record<string, Attachment[]>>} */
const attachments = signal({});
holdsUnsent(() => drafts.size > 0 || Object.values(attachments.value).some((files) => files.length > 0));

/** @param {{value: string, onChange: (model: string) => void}} props */
export function ModelChoice({ value, onChange }) {
  const models = useResource("models", () => api.get("/v1/models"), about("provider.", "node."));
  /** @type {Model[]} */
  const choices = models.data?.data ?? [];
  if (models.data && !choices.length) return html`<a class="model-none" href="/models">No model yet</a>`;
  return html`<select class="form-select form-select-sm" aria-label="Model" value=${value} onChange=${(/** @type {any} */ e) => onChange(e.target.value)}>
    ${!choices.some(({ id }) => id === value) && html`<option value=${value}>${value}</option>`}
    ${choices.map(({ id }) => html`<option value=${id}>${id === "orchestrator" ? "orchestrator (the agent)" : id}</option>`)}
  </select>`;
}

/** The model that one asked last; the agent at first. */
export const usualModel = () => localStorage.getItem(KEPT_MODEL) ?? "orchestrator";

/** Files on their way to the gateway, and those that are there. @param {string} thread */
function attachmentsOf(thread) {
  const files = attachments.value[thread] ?? [];
  const set = (/** @type {Attachment[]} */ all) => (attachments.value = { ...attachments.value, [thread]: all });
  const now = () => attachments.value[thread] ?? [];
  const change = (/** @type {Attachment} */ file, /** @type {Partial<Attachment>} */ part) => (Object.assign(file, part), set([...now()]));
  const remove = (/** @type {Attachment} */ file) => set(now().filter((other) => other !== file));
  const add = (/** @type {File[]} */ added) => {
    for (const each of added) {
      /** @type {Attachment} */
      const file = { name: each.name, part: 0, artifact: null };
      set([...now(), file]);
      api.uploadArtifact(each, (part) => change(file, { part })).then(
        (artifact) => change(file, { artifact }),
        (error) => (remove(file), toastError(error)),
      );
    }
  };
  return { files, add, remove, clear: () => set([]), restore: set, areThere: files.every((file) => file.artifact) };
}

/** What a completion takes as the content of a message. @param {string} text @param {Attachment[]} files */
const contentOf = (text, files) =>
  files.length ? [...(text ? [{ type: "text", text }] : []), ...files.map(({ artifact }) => ({ type: "file", file: { file_id: artifact?.id, filename: artifact?.filename } }))] : text;

/**
 * @param {{area: import("preact").RefObject<HTMLTextAreaElement>, thread: string, model: string, onModel: (model: string) => void, isBusy: boolean, mayWrite: boolean, onSend: (text: string, content: any) => Promise<void>, onStop: () => void}} props
 *   `area`: where one writes; `onSend` throws the ApiError of what was refused: then what was written comes back
 */
export function Box({ area, thread, model, onModel, isBusy, mayWrite, onSend, onStop }) {
  const [text, setText] = useState(drafts.get(thread) ?? "");
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const attached = attachmentsOf(thread);
  useEffect(() => area.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    if (text) drafts.set(thread, text);
    else drafts.delete(thread);
    if (!area.current) return;
    area.current.style.height = "auto";
    area.current.style.height = `${Math.min(area.current.scrollHeight + 2, innerHeight * HIGHEST)}px`;
  }, [text]);
  const refused = refusalOf(thread);
  useEffect(() => {
    if (!refused) return;
    setText(refused.text);
    setError(refused.error);
    setRefusal(thread, null);
  }, [refused]);
  if (!mayWrite) return html`<p class="stale">You may read this chat, not write in it.</p>`;

  const send = async () => {
    const said = text.trim();
    if (isBusy || !attached.areThere || !(said || attached.files.length)) return;
    const { files } = attached;
    setError(null);
    setText("");
    attached.clear();
    try {
      await onSend(said, contentOf(said, files));
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
      setText((now) => now || said);
      attached.restore(files);
    }
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && isBusy) onStop();
  };
  const onPaste = (/** @type {ClipboardEvent} */ event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length) {
      event.preventDefault();
      attached.add(pasted);
    }
  };
  return html`<${DropZone} class="chat-box card" hint="Drop to attach" onFiles=${attached.add}>
    <form aria-label="New message" onSubmit=${(/** @type {Event} */ e) => (e.preventDefault(), void send())}>
      ${error && html`<${Problem} error=${error} />`}
      ${attached.files.length > 0 &&
      html`<ul class="chips" aria-label="Files to attach">${attached.files.map(
        (file) => html`<li class="chip"><${Icon} icon="file" /><span class="chip-text">${file.name}</span>${!file.artifact && html`<${Progress} part=${file.part} label=${`Upload of ${file.name}`} />`}<${IconButton} icon="x" label=${`Remove ${file.name}`} onClick=${() => attached.remove(file)} /></li>`,
      )}</ul>`}
      <textarea ref=${area} class="composer-text" rows="1" aria-label="Message" placeholder="Enter sends, Shift+Enter begins a line." value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} onKeyDown=${onKeyDown} onPaste=${onPaste}></textarea>
      <div class="composer-foot">
        <${FileButton} class="btn-ghost-secondary" label="Attach" onFiles=${attached.add} />
        <div class="composer-choice"><${ModelChoice} value=${model} onChange=${(/** @type {string} */ chosen) => (localStorage.setItem(KEPT_MODEL, chosen), onModel(chosen))} /></div>
        <span class="composer-space"></span>
        ${isBusy
          ? html`<button type="button" class="btn" onClick=${onStop}><${Icon} icon="player-stop" />Stop</button>`
          : html`<button type="submit" class="btn btn-primary" disabled=${!attached.areThere}><${Icon} icon="send" />Send</button>`}
      </div>
    </form>
  <//>`;
}
