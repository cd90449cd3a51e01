/** The form of what a task may be given beside its work; loaded when it is opened. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { useResource } from "../../resource.js";
import { IconButton } from "../../components/icon.js";
import { Status } from "../../components/status.js";
/** @import { Task } from "../../types.js" */
/** @import { Options } from "../../components/options.js" */

/** @param {{value: string[], onChange: (ids: string[]) => void}} props */
function Dependencies({ value, onChange }) {
  const [wanted, setWanted] = useState("");
  const recent = useResource("recent-tasks", () => api.get("/v1/tasks", { limit: 50 }));
  /** @type {Task[]} */
  const tasks = recent.data?.items ?? [];
  const choose = (/** @type {string} */ name) => {
    const task = tasks.find((item) => item.name === name);
    setWanted(task ? "" : name);
    if (task && !value.includes(task.id)) onChange([...value, task.id]);
  };
  return html`<label class="form-label" for="option-after">Run after</label>
    <input id="option-after" class="form-control" list="option-after-tasks" placeholder="Name of a recent task" value=${wanted} onInput=${(/** @type {any} */ e) => choose(e.target.value)} />
    <datalist id="option-after-tasks">${tasks.filter((task) => !value.includes(task.id)).map((task) => html`<option value=${task.name}></option>`)}</datalist>
    ${value.length > 0 &&
    html`<ul class="chips" aria-label="Runs after">
      ${value.map((id) => {
        const task = tasks.find((item) => item.id === id);
        return html`<li class="chip"><span class="chip-text">${task?.name ?? id}</span>${task && html`<${Status} status=${task.status} />`}
          <${IconButton} icon="x" label=${`Do not wait for ${task?.name ?? id}`} onClick=${() => onChange(value.filter((other) => other !== id))} /></li>`;
      })}
    </ul>`}`;
}

/** @param {{value: Options, onChange: (options: Options) => void}} props */
export function TaskOptions({ value, onChange }) {
  const set = (/** @type {keyof Options} */ name) => (/** @type {any} */ event) => onChange({ ...value, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  return html`<fieldset class="options">
    <legend class="visually-hidden">Options</legend>
    <div><label class="form-label" for="option-name">Name</label>
      <input id="option-name" class="form-control" placeholder="Made from the text" value=${value.name} onInput=${set("name")} /></div>
    <div><label class="form-label" for="option-tags">Tags</label>
      <input id="option-tags" class="form-control" placeholder="report, weekly" value=${value.tags} onInput=${set("tags")} /></div>
    <div class="is-narrow"><label class="form-label" for="option-timeout">Time limit</label>
      <input id="option-timeout" class="form-control" placeholder="15m" value=${value.timeout} onInput=${set("timeout")} /></div>
    <div class="is-narrow"><label class="form-label" for="option-priority">Priority</label>
      <input id="option-priority" class="form-control" type="number" placeholder="0" value=${value.priority} onInput=${set("priority")} /></div>
    <div class="is-wide"><label class="form-label" for="option-criteria">Acceptance criteria <span class="quiet">one a line</span></label>
      <textarea id="option-criteria" class="form-control" rows="2" value=${value.criteria} onInput=${set("criteria")}></textarea></div>
    <div><label class="form-label" for="option-env">Environment <span class="quiet">NAME=value, no secrets</span></label>
      <textarea id="option-env" class="form-control is-code" rows="2" spellcheck=${false} value=${value.env} onInput=${set("env")}></textarea></div>
    <div><${Dependencies} value=${value.dependsOn} onChange=${(/** @type {string[]} */ dependsOn) => onChange({ ...value, dependsOn })} /></div>
    <label class="form-check form-switch is-wide"><input class="form-check-input" type="checkbox" role="switch" checked=${value.network} onChange=${set("network")} />
      <span class="form-check-label">Network access <span class="quiet">off unless the task needs it</span></span></label>
  </fieldset>`;
}
