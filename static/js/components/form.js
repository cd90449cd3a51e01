/** Forms from a list of fields: what is refused stands beside the field that it is about. */
import { Fragment } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { ApiError } from "../api.js";
import { forget, wrote } from "../unsent.js";
import { Dialog, closeDialog, closeIfOpen, isAsking, openDialog } from "./dialog.js";
import { Input } from "./input.js";
import { Problem } from "./problem.js";
import { refusedOf } from "./refused.js";
import { announce, toastError } from "./toast.js";
/** @import { Field } from "./input.js" */

/**
 * @typedef {object} FormOptions
 * @property {Field[] | ((values: Record<string, any>) => Field[])} fields a function where one field depends on another
 * @property {Record<string, any>} [initial]
 * @property {string} action the words of the button
 * @property {(values: Record<string, any>, over: boolean) => Promise<any>} send the values of the fields that are shown; `over`: whatever somebody else has saved meanwhile
 * @property {(path: string, values: Record<string, any>) => string} [fieldOf] what the API calls a part of what was sent, by the names of the fields
 * @property {(answer: any) => void} [done]
 * @property {() => void} [onCancel]
 * @property {string} [cancel] the words of that button
 * @property {any} [children] shown above the fields
 * @property {(values: Record<string, any>) => any} [preview] shown below the fields, of the values as they are written
 * @property {string[]} [previewAfter] names of fields: it stands below the last of these that is shown
 * @property {boolean} [danger]
 * @property {boolean} [isQuestion] nothing is lost with it
 */

/** What a field shows while nothing was written. @param {Field} field */
const blank = ({ kind }) => (kind === "switch" ? false : kind === "words" ? [] : "");

/** How a value of the API is written in a field. @param {Field} field @param {any} value */
const written = (field, value) => (value === undefined || (value === null && field.kind !== "json") ? blank(field) : field.kind === "json" ? JSON.stringify(value, null, 2) : value);

/** What a field shows; one that was not shown before has its value as the API has it. @param {Field} field @param {any} value */
const text = (field, value) => (field.kind === "json" && typeof value !== "string" ? written(field, value) : (value ?? blank(field)));

/** What is written, as a value of the API; throws a SyntaxError for text that is no JSON. @param {Field} field @param {any} value */
function sentValue({ kind, required }, value) {
  if (kind === "json") return value.trim() || required ? JSON.parse(value) : {};
  if (kind === "number") return value === "" ? null : Number(value);
  if (kind === "switch") return Boolean(value);
  return value;
}

/** @param {Field[]} fields @param {Record<string, any>} values */
function gather(fields, values) {
  /** @type {Record<string, any>} */
  const sent = {};
  /** @type {Record<string, string>} */
  const refused = {};
  for (const field of fields) {
    try {
      sent[field.name] = sentValue(field, text(field, values[field.name]));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      refused[field.name] = `This is not JSON: ${error.message}`;
    }
  }
  return { sent, refused };
}

/** For how long what belongs to a form may still come after an error. */
const SETTLED_MS = 2000;

/** What the API calls it where somebody else was faster, and what is said of it. */
const STALE = "stale_version";
const MEANWHILE = "Somebody else has saved it meanwhile. Cancel shows what they wrote; or save yours over it.";

/** @param {FormOptions} props */
export function Form({ fields, initial = {}, action, send, fieldOf = (path) => path, done, onCancel, cancel = "Cancel", children, preview, previewAfter = [], danger, isQuestion }) {
  const id = useId();
  const element = useRef(/** @type {HTMLFormElement | null} */ (null));
  const [values, setValues] = useState(() => {
    const all = typeof fields === "function" ? fields(initial) : fields;
    return { ...initial, ...Object.fromEntries(all.map((field) => [field.name, written(field, initial[field.name])])) };
  });
  const [refused, setRefused] = useState(/** @type {Record<string, string>} */ ({}));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const isStale = error?.code === STALE;
  // Below a long form, where the buttons hide what is further down, and where a preview may still come before it.
  useEffect(() => {
    const problem = error && element.current?.querySelector(".problem");
    if (!element.current || !problem) return undefined;
    const grown = new ResizeObserver(() => problem.scrollIntoView({ block: "nearest" }));
    grown.observe(element.current);
    const timer = setTimeout(() => grown.disconnect(), SETTLED_MS);
    return () => {
      clearTimeout(timer);
      grown.disconnect();
    };
  }, [error]);
  const shown = typeof fields === "function" ? fields(values) : fields;
  const marked = shown.findLast(({ name }) => previewAfter.includes(name));

  const refuse = (/** @type {Record<string, string>} */ reasons, /** @type {ApiError | null} */ problem) => {
    setRefused(reasons);
    setError(problem);
    const first = shown.find(({ name }) => reasons[name]);
    if (first) setTimeout(() => /** @type {HTMLElement | null | undefined} */ (element.current?.querySelector(`#${CSS.escape(`${id}-${first.name}`)}`))?.focus());
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || !element.current?.reportValidity()) return;
    const { sent, refused: wrong } = gather(shown, values);
    if (Object.keys(wrong).length) return refuse(wrong, null);
    setBusy(true);
    refuse({}, null);
    try {
      const answer = await send(sent, isStale);
      setBusy(false);
      if (element.current) forget([element.current]);
      // What is secret does not stay written.
      setValues((now) => ({ ...now, ...Object.fromEntries(shown.filter(({ kind }) => kind === "password").map(({ name }) => [name, ""])) }));
      done?.(answer);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (!element.current) return void toastError(problem);
      setBusy(false);
      const { reasons, isAll } = refusedOf(shown, problem, (path) => fieldOf(path, values));
      refuse(reasons, isAll ? null : problem);
    }
  };
  return html`<form class="form" ref=${element} onInput=${() => !isQuestion && element.current && wrote(element.current)} onSubmit=${submit} onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Enter" && (e.ctrlKey || e.metaKey) && submit(e)}>
    ${children}
    ${shown.map((field) => html`<${Fragment} key=${`${field.name} ${field.kind}`}><${Input} id=${`${id}-${field.name}`} field=${field} value=${text(field, values[field.name])} refused=${refused[field.name]} onChange=${(/** @type {any} */ value) => setValues((now) => ({ ...now, [field.name]: value }))} />${field === marked && preview?.(values)}<//>`)}
    ${!marked && preview?.(values)}
    ${error && html`<${Problem} error=${isStale ? new ApiError(error.status, { detail: MEANWHILE }) : error} />`}
    <div class="form-buttons">
      ${onCancel && html`<button type="button" class="btn" onClick=${onCancel}>${cancel}</button>`}
      <button type="submit" class=${cx("btn", danger || isStale ? "btn-danger" : "btn-primary")} disabled=${busy}>${isStale ? "Save mine over it" : action}</button>
    </div>
  </form>`;
}

/**
 * Opens a dialog with a form; it closes when what was written has been taken.
 * @param {FormOptions & {title: string, wide?: boolean, left?: () => void}} options `left`: called when it is closed without that
 */
export function openForm({ title, wide, done, left, ...form }) {
  const leave = () => {
    closeDialog();
    left?.();
  };
  const finish = (/** @type {any} */ answer) => {
    closeIfOpen(content);
    done?.(answer);
    if (!isAsking()) announce(`${form.action}: done`);
  };
  const content = html`<${Dialog} key=${title} title=${title} wide=${wide} onClose=${leave}><${Form} ...${form} done=${finish} onCancel=${leave} /><//>`;
  openDialog(content);
}
