/** The form of what a task may be given beside its work; loaded when it is opened. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { useResource } from "../../resource.js";
import { IconButton } from "../../components/icon.js";
import { Refused, saying } from "../../components/refused.js";
import { Status } from "../../components/status.js";
/** @import { Task } from "../../types.js" */
/** @import { Options } from "../../components/options.js" */

const OFFERED = 20;

/** @param {{value: string[], refused?: string, onChange: (ids: string[]) => void}} props */
function Dependencies({ value, refused, onChange }) {
  const [wanted, setWanted] = useState("");
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const found = useResource(`tasks ${wanted}`, () => api.get("/v1/tasks", { q: wanted.trim() || null, limit: OFFERED }));
  /** Those that were found so far: for the names of those that were chosen. @type {Map<string, Task>} */
  const tasks = useRef(new Map()).current;
  const last = useRef(/** @type {Task[]} */ ([]));
  if (found.data) last.current = found.data.items;
  for (const task of last.current) tasks.set(task.id, task);
  const offered = last.current.filter(({ id }) => !value.includes(id));
  // Before the next key can send it.
  useLayoutEffect(() => {
    const task = offered.find(({ name }) => name === wanted);
    input.current?.setCustomValidity(wanted ? "Choose one of those that are offered, or leave it empty." : "");
    if (task) onChange([...value, task.id]);
    if (task) setWanted("");
  }, [wanted, found.data]);
  return html`<label class="form-label" for="option-after">Run after</label>
    <input ref=${input} id="option-after" class="form-control" list="option-after-tasks" placeholder="Search tasks by name…" autocomplete="off" ...${saying("option-after", refused)} value=${wanted} onInput=${(/** @type {any} */ e) => setWanted(e.target.value)} />
    <datalist id="option-after-tasks">${offered.map((task) => html`<option value=${task.name}></option>`)}</datalist><${Refused} id="option-after" text=${refused} />
    ${value.length > 0 &&
    html`<ul class="chips" aria-label="Runs after">
      ${value.map((id) => {
        const task = tasks.get(id);
        return html`<li class="chip"><span class="chip-text">${task?.name ?? id}</span>${task && html`<${Status} status=${task.status} />`}
          <${IconButton} icon="x" label=${`Do not wait for ${task?.name ?? id}`} onClick=${() => onChange(value.filter((other) => other !== id))} /></li>`;
      })}
    </ul>`}`;
}

/** @param {{value: Options, refused: Partial<Record<keyof Options, string>>, onChange: (options: Options) => void}} props `refused`: why, of those that were */
export function TaskOptions({ value, refused, onChange }) {
  const element = useRef(/** @type {HTMLFieldSetElement | null} */ (null));
  useEffect(() => element.current?.querySelector(/** @type {"input"} */ ("[aria-invalid=true]"))?.focus(), [refused]);
  const set = (/** @type {keyof Options} */ name) => (/** @type {any} */ event) => onChange({ ...value, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  return html`<fieldset class="options" ref=${element}>
    <legend class="visually-hidden">Options</legend>
    <div><label class="form-label" for="option-name">Name</label>
      <input id="option-name" class="form-control" placeholder="Made from the text" ...${saying("option-name", refused.name)} value=${value.name} onInput=${set("name")} /><${Refused} id="option-name" text=${refused.name} /></div>
    <div><label class="form-label" for="option-tags">Tags</label>
      <input id="option-tags" class="form-control" placeholder="report, weekly" ...${saying("option-tags", refused.tags)} value=${value.tags} onInput=${set("tags")} /><${Refused} id="option-tags" text=${refused.tags} /></div>
    <div class="is-narrow"><label class="form-label" for="option-timeout">Time limit</label>
      <input id="option-timeout" class="form-control" placeholder="15m" ...${saying("option-timeout", refused.timeout)} value=${value.timeout} onInput=${set("timeout")} /><${Refused} id="option-timeout" text=${refused.timeout} /></div>
    <div class="is-narrow"><label class="form-label" for="option-priority">Priority</label>
      <input id="option-priority" class="form-control" type="number" placeholder="0" ...${saying("option-priority", refused.priority)} value=${value.priority} onInput=${set("priority")} /><${Refused} id="option-priority" text=${refused.priority} /></div>
    <div class="is-wide"><label class="form-label" for="option-criteria">Acceptance criteria <span class="quiet">one a line; after $ a command that checks</span></label>
      <textarea id="option-criteria" class="form-control" rows="2" ...${saying("option-criteria", refused.criteria)} value=${value.criteria} onInput=${set("criteria")}></textarea><${Refused} id="option-criteria" text=${refused.criteria} /></div>
    <div><label class="form-label" for="option-env">Environment <span class="quiet">NAME=value, no secrets</span></label>
      <textarea id="option-env" class="form-control is-code" rows="2" spellcheck=${false} ...${saying("option-env", refused.env)} value=${value.env} onInput=${set("env")}></textarea><${Refused} id="option-env" text=${refused.env} /></div>
    <div><${Dependencies} value=${value.dependsOn} refused=${refused.dependsOn} onChange=${(/** @type {string[]} */ dependsOn) => onChange({ ...value, dependsOn })} /></div>
    <label class="form-check form-switch is-wide"><input class="form-check-input" type="checkbox" role="switch" checked=${value.network} onChange=${set("network")} />
      <span class="form-check-label">Network access <span class="quiet">off unless the task needs it</span></span></label>
  </fieldset>`;
}
