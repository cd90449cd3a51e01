/** The "New task" box: a prompt, a script or commands, with files and options. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { commandsIn } from "../commands.js";
import { navigate } from "../router.js";
import { useDefaultModel } from "../default-model.js";
import { parseDuration } from "../format.js";
import { useResource } from "../resource.js";
import { forget, holdsUnsent, wrote } from "../unsent.js";
import { DropZone, FileButton, FileChips, takeCarried } from "./files.js";
import { Icon } from "./icon.js";
import { Problem } from "./problem.js";
import { Progress } from "./progress.js";
import { OPTIONS, emptyOptions, optionFields, optionOf, ownMetadata } from "./options.js";
import { refusedOf } from "./refused.js";
import { toast, toastError } from "./toast.js";
/** @import { Task, Model } from "../types.js" */
/** @import { Options } from "./options.js" */

/** @typedef {"prompt" | "script" | "commands"} Kind */
/** @typedef {{kind: Kind, prompt: string, script: string, interpreter: string, commands: string, keepGoing: boolean, options: Options, kept: string[], again?: Task}} Draft again: the task that it began with */

const KINDS = /** @type {{kind: Kind, label: string, placeholder: string}[]} */ ([
  { kind: "prompt", label: "Prompt", placeholder: "Describe what you want done. Plain text or Markdown." },
  { kind: "script", label: "Script", placeholder: "#!/usr/bin/env bash\n# Attached files are in inputs/; what you write to artifacts/ is kept." },
  { kind: "commands", label: "Commands", placeholder: "One command a line, run in order in one workspace.\nWhere one has several lines, put a line of --- between two." },
]);
const INTERPRETERS = ["bash", "sh", "python3", "node", "perl", "ruby"];

/** @returns {Draft} */
export const emptyDraft = () => ({ kind: "prompt", prompt: "", script: "", interpreter: "bash", commands: "", keepGoing: false, options: emptyOptions(), kept: [] });

/** What was written and not sent, while the console is open. @type {{draft: Draft, files: File[], open: boolean}} */
let unsent = { draft: emptyDraft(), files: [], open: false };
/** How many tasks are on their way. */
let sending = 0;
holdsUnsent(() => sending > 0 || unsent.files.length > 0 || KINDS.some(({ kind }) => unsent.draft[kind].trim()));

/** What POST /v1/tasks takes. @param {Draft} draft */
function bodyOf(draft) {
  /** @type {Record<string, any>} */
  const body = optionFields(draft.options);
  if (draft.kind === "prompt") body.prompt = draft.prompt;
  const { script, commands, project_id: project, requires } = draft.again ?? {};
  if (project) body.project_id = project;
  if (requires) body.requires = requires;
  if (draft.again) body.metadata = ownMetadata(draft.again);
  if (draft.kind === "script") {
    const source = draft.script ? { content: draft.script } : { artifact_id: script?.artifact_id };
    body.script = { ...source, interpreter: draft.interpreter, ...(script?.args?.length ? { args: script.args } : {}) };
  }
  if (draft.kind === "commands") {
    body.commands = commandsIn(draft.commands, commands);
    if (draft.keepGoing) body.continue_on_error = true;
  }
  if (draft.kind !== "prompt") delete body.model;
  if (draft.kept.length) body.attachments = draft.kept;
  return body;
}

/** @param {{value: Kind, onChange: (kind: Kind) => void}} props */
function KindTabs({ value, onChange }) {
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = KINDS[(KINDS.findIndex((item) => item.kind === value) + step + KINDS.length) % KINDS.length].kind;
    onChange(next);
    document.getElementById(`kind-${next}`)?.focus();
  };
  return html`<div class="kind-tabs" role="tablist" aria-label="Kind of task" onKeyDown=${move}>
    ${KINDS.map(
      ({ kind, label }) => html`<button type="button" role="tab" id=${`kind-${kind}`} aria-selected=${String(kind === value)} aria-controls="composer-panel" tabindex=${kind === value ? 0 : -1} onClick=${() => onChange(kind)}>${label}</button>`,
    )}
  </div>`;
}

/** @param {{value: string, onChange: (model: string) => void}} props */
function ModelChoice({ value, onChange }) {
  const models = useResource("models", () => api.get("/v1/models"));
  const { setting } = useDefaultModel();
  /** @type {Model[]} */
  const choices = models.data?.data ?? [];
  if (models.data && !choices.length) return html`<a class="model-none" href="/welcome">No model yet</a>`;
  return html`<select class="form-select form-select-sm" aria-label="Model" value=${value} onChange=${(/** @type {any} */ e) => onChange(e.target.value)}>
      <option value="">${setting ? `Default: ${setting.value}` : "Default model"}</option>
      ${choices.map((model) => html`<option value=${model.id}>${model.id}</option>`)}
    </select>`;
}

/**
 * @param {{start?: Draft, autofocus?: boolean, session?: string | null, onCreated?: (task: Task) => void}} props session: that the task is part of
 */
export function Composer({ start, autofocus, session, onCreated }) {
  const isKept = !start && !session;
  const [draft, setDraft] = useState(() => start ?? (isKept ? unsent.draft : emptyDraft()));
  const [files, setFiles] = useState(() => [...(isKept ? unsent.files : []), ...takeCarried()]);
  const [open, setOpen] = useState(Boolean(start) || (isKept && unsent.open));
  const [TaskOptions, setForm] = useState(/** @type {any} */ (null));
  useEffect(() => void (open && import("../pages/task/options.js").then((form) => setForm(() => form.TaskOptions))), [open]);
  const [sent, setSent] = useState(/** @type {number | null} */ (null));
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const [refused, setRefused] = useState(/** @type {Record<string, string>} */ ({}));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const text = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const change = (/** @type {Partial<Draft>} */ part) => setDraft((old) => ({ ...old, ...part }));
  const { placeholder } = KINDS.find((item) => item.kind === draft.kind) ?? KINDS[0];
  const isOfFile = draft.kind === "script" && !draft.script && Boolean(draft.again?.script?.artifact_id);
  const busy = sent !== null;

  useEffect(() => {
    if (autofocus) text.current?.focus();
  }, []);
  useLayoutEffect(() => {
    if (isKept) unsent = { draft, files, open };
  }, [draft, files, open]);
  useEffect(() => {
    const area = text.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(Math.max(area.scrollHeight + 2, 92), innerHeight * 0.55)}px`;
  }, [draft.kind, draft[draft.kind]]);

  const refuse = (/** @type {Record<string, string>} */ reasons, /** @type {api.ApiError | null} */ problem) => {
    setRefused(reasons);
    setError(problem);
    if (Object.keys(reasons).length) setOpen(true);
    else if (problem?.errors.length) text.current?.focus();
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || !(/** @type {HTMLFormElement} */ (event.currentTarget).reportValidity())) return;
    if (!draft[draft.kind].trim() && !isOfFile) return text.current?.focus();
    const timeout = draft.options.timeout.trim();
    if (timeout && parseDuration(timeout) === null) return refuse({ timeout: "Write it as 90s, 15m or 2h." }, null);
    refuse({}, null);
    setSent(0);
    sending++;
    const written = { draft, files, open };
    const next = { ...emptyDraft(), kind: draft.kind, interpreter: draft.interpreter };
    if (isKept) unsent = { draft: next, files: [], open }; // whoever comes back meanwhile does not send it twice
    try {
      const task = await api.createTask({ ...bodyOf(draft), ...(session ? { session_id: session } : {}) }, files, setSent);
      // Whoever has gone elsewhere meanwhile stays there.
      if (!form.current) return toast(`${task.name} created`, { link: { href: `/tasks/${task.id}`, label: "Open" } });
      setDraft(next);
      setFiles([]);
      forget([form.current]);
      if (onCreated) onCreated(task);
      else navigate(`/tasks/${task.id}`);
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      if (isKept) unsent = written;
      if (!form.current) return toastError(problem);
      const { reasons, isAll } = refusedOf(OPTIONS, problem, optionOf);
      refuse(reasons, isAll ? null : problem);
    } finally {
      sending--;
      setSent(null);
    }
  };
  const addFiles = (/** @type {File[]} */ added) => {
    const folders = added.filter((file) => !file.size && !file.type);
    if (folders.length) toast(`${folders[0].name} is empty or a folder; folders can't be attached.`, { kind: "info" });
    setFiles((old) => [...old, ...added.filter((file) => !folders.includes(file))]);
  };

  return html`<${DropZone} class="composer card" hint="Drop to attach" onFiles=${addFiles}>
    <form
      aria-label="New task"
      ref=${form}
      onInput=${() => !isKept && form.current && wrote(form.current)}
      onSubmit=${submit}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Enter" && (e.ctrlKey || e.metaKey) && submit(e)}
    >
      <div class="composer-head">
        <${KindTabs} value=${draft.kind} onChange=${(/** @type {Kind} */ kind) => change({ kind })} />
        ${draft.kind === "script" &&
        html`<div class="composer-choice">
          <select class="form-select form-select-sm" aria-label="Interpreter" value=${draft.interpreter} onChange=${(/** @type {any} */ e) => change({ interpreter: e.target.value })}>
            ${[...new Set([...INTERPRETERS, draft.interpreter])].map((name) => html`<option>${name}</option>`)}
          </select></div>`}
        ${draft.kind === "commands" &&
        html`<label class="form-check composer-choice"><input class="form-check-input" type="checkbox" checked=${draft.keepGoing} onChange=${(/** @type {any} */ e) => change({ keepGoing: e.target.checked })} /><span class="form-check-label">Go on after a failure</span></label>`}
        ${draft.kind === "prompt" && html`<div class="composer-choice"><${ModelChoice} value=${draft.options.model} onChange=${(/** @type {string} */ model) => change({ options: { ...draft.options, model } })} /></div>`}
      </div>
      <div id="composer-panel" role="tabpanel" aria-labelledby=${`kind-${draft.kind}`}>
        <textarea
          ref=${text}
          class=${cx("composer-text", draft.kind !== "prompt" && "is-code")}
          aria-label=${KINDS.find((item) => item.kind === draft.kind)?.label}
          placeholder=${isOfFile ? "Empty: the file of the earlier task, as before." : placeholder}
          spellcheck=${draft.kind === "prompt"}
          readonly=${busy}
          aria-invalid=${error?.errors.length ? "true" : null}
          aria-describedby=${error?.errors.length ? "composer-problem" : null}
          value=${draft[draft.kind]}
          onInput=${(/** @type {any} */ e) => change({ [draft.kind]: e.target.value })}
        ></textarea>
      </div>
      ${files.length > 0 && html`<${FileChips} files=${files} onRemove=${(/** @type {number} */ index) => setFiles(files.filter((_, i) => i !== index))} />`}
      ${draft.kept.length > 0 && html`<p class="composer-kept quiet">With the ${draft.kept.length === 1 ? "file" : `${draft.kept.length} files`} of the earlier task. <button type="button" class="link" onClick=${() => change({ kept: [] })}>Leave out</button></p>`}
      ${draft.kind !== "prompt" && files.length + draft.kept.length > 0 && html`<p class="composer-kept quiet">Read from <code>inputs/</code>, under ${files.length + draft.kept.length === 1 ? "its own name" : "their own names"}.</p>`}
      <div id="composer-problem">${error && html`<${Problem} error=${error} />`}</div>
      <div class="composer-foot">
        <${FileButton} class="btn-ghost-secondary" label="Attach" onFiles=${addFiles} />
        <button type="button" class="btn btn-ghost-secondary" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}><${Icon} icon="adjustments-horizontal" />Options</button>
        ${open && TaskOptions && html`<${TaskOptions} value=${draft.options} refused=${refused} onChange=${(/** @type {Options} */ options) => change({ options })} />`}
        ${busy && files.length > 0 && html`<${Progress} part=${sent} label="Upload" />`}
        <span class="composer-space"></span>
        <kbd class="hint">Ctrl Enter</kbd>
        <button type="submit" class="btn btn-primary" disabled=${busy}><${Icon} icon="player-play" />Run</button>
      </div>
    </form>
  <//>`;
}
