/** Writing a preference: typed or as JSON, the difference to what is saved, and what to do when somebody else was faster. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { remove } from "../../components/changes.js";
import { Dialog, closeDialog, openDialog } from "../../components/dialog.js";
import { Form } from "../../components/form.js";
import { JsonDiff } from "../../components/json.js";
import { toast } from "../../components/toast.js";
import { WhatCounts } from "./what-counts.js";
/** @import { Preference, PreferenceChange, Scope } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const TYPES = [
  { value: "string", label: "text" },
  { value: "number", label: "number" },
  { value: "boolean", label: "yes or no" },
  { value: "json", label: "JSON: object or list" },
  { value: "null", label: "null: hide what is further away" },
];
/** @type {Record<string, Field>} */
const EDITORS = {
  string: { name: "value", label: "Text", kind: "area" },
  number: { name: "value", label: "Number", kind: "number", required: true, step: "any" },
  boolean: { name: "value", label: "Yes", kind: "switch" },
  json: { name: "value", label: "JSON", kind: "json", required: true },
};
const KNOWN = [
  ["output.summary_style", "how answers are summed up"],
  ["definition_of_done.required_checks", "what must pass before work is done"],
  ["language.preferred", "the language of answers"],
  ["code.language.allowed", "languages that code may be in"],
  ["code.language.disallowed", "languages that code may not be in"],
  ["standards.markdown.line_length", "how long lines of Markdown are"],
  ["security.web_browse.allowed_domains", "where a task may go on the web"],
].map(([value, label]) => ({ value, label }));

/** @param {any} value */
const typeOf = (value) => (value === null ? "null" : typeof value === "object" ? "json" : typeof value);

/** @param {Scope} scope */
export const pathOf = ({ type, id }, /** @type {string} */ key) => `/v1/preferences/${type}/${encodeURIComponent(id || "-")}/${encodeURIComponent(key)}`;

/** The value as it is written; undefined while that is none. @param {Record<string, any>} values of the form */
function valueOf({ type, value }) {
  if (type === "null") return null;
  if (type === "boolean") return Boolean(value);
  if (type === "string") return String(value ?? "");
  if (type === "number") return value === "" || Number.isNaN(Number(value)) ? undefined : Number(value);
  try {
    return typeof value === "string" ? JSON.parse(value) : value;
  } catch {
    return undefined;
  }
}

/** @typedef {Pick<Preference, "version" | "value" | "updated_by">} Saved */

/** The entry as it is saved now; null when there is none. @param {Scope} scope @param {string} key @returns {Promise<Saved | null>} */
async function present({ type, id }, key) {
  /** @type {PreferenceChange | undefined} */
  const last = (await api.get("/v1/preferences/history", { scope_type: type, scope_id: id, key, sort: "-created_at", limit: 1 })).items[0];
  return last && !last.is_deleted ? { version: last.version, value: last.value, updated_by: last.actor } : null;
}

/** @param {{scope: Scope, entry: Preference | null, done: () => void}} props */
function Editor({ scope, entry, done }) {
  const [saved, setSaved] = useState(/** @type {Saved | null} */ (entry));
  const [isConflict, setConflict] = useState(false);
  const type = entry ? typeOf(entry.value) : "string";
  const send = async (/** @type {Record<string, any>} */ values) => {
    const key = entry?.key ?? values.key;
    try {
      await api.put(pathOf(scope, key), { value: valueOf(values), reason: values.reason || null, expected_version: saved?.version ?? 0 });
    } catch (error) {
      if (error instanceof api.ApiError && (error.status === 409 || error.status === 412)) {
        setSaved(await present(scope, key));
        setConflict(true);
      }
      throw error;
    }
    closeDialog();
    toast(`${key} saved`);
    done();
  };
  /** @param {Record<string, any>} values @returns {Field[]} */
  const fields = ({ type: chosen }) => [
    .../** @type {Field[]} */ (entry ? [] : [{ name: "key", label: "Key", required: true, options: KNOWN, code: true, placeholder: "output.summary_style", hint: "Your own keys are kept and passed on as they are." }]),
    { name: "type", label: "Type", kind: "select", required: true, options: TYPES },
    ...(EDITORS[chosen] ? [EDITORS[chosen]] : []),
    { name: "reason", label: "Reason", placeholder: "why it is so" },
  ];
  const preview = (/** @type {Record<string, any>} */ values) => {
    const after = valueOf(values);
    const key = entry?.key ?? values.key;
    if (!key || after === undefined) return null;
    const counts = html`<${WhatCounts} key=${saved?.version} type=${scope.type} path=${pathOf(scope, key)} change=${{ value: after }} />`;
    if (!saved) return counts;
    const same = JSON.stringify(after) === JSON.stringify(saved.value);
    return html`<div><p class="form-label">${isConflict ? `Saved meanwhile by ${saved.updated_by}, version ${saved.version}, against yours` : "Change"}</p>
      ${same ? html`<p class="quiet">Nothing is changed yet.</p>` : html`<${JsonDiff} before=${saved.value} after=${after} label="Difference between the saved and the edited value" />`}</div>${!same && counts}`;
  };
  return html`<${Dialog} title=${entry ? entry.key : "New preference"} onClose=${closeDialog} wide=${type === "json"}>
    <${Form} fields=${fields} initial=${{ type, value: entry?.value }} action=${isConflict ? "Save mine over it" : "Save"} danger=${isConflict} send=${send} onCancel=${closeDialog} preview=${preview} />
  <//>`;
}

/** @param {Scope} scope @param {Preference | null} entry @param {() => void} done */
export const editPreference = (scope, entry, done) => openDialog(html`<${Editor} key=${entry?.id ?? "new"} scope=${scope} entry=${entry} done=${done} />`);

/** @param {Scope} scope @param {Preference} entry @param {() => void} done */
export const removePreference = (scope, entry, done) =>
  remove(`${pathOf(scope, entry.key)}?expected_version=${entry.version}`, () => api.put(pathOf(scope, entry.key), { value: entry.value, reason: "Taken back" }), `${entry.key} deleted`, done);
