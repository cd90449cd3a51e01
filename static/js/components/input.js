/** One field of a form: its label, its hint, what was refused, and the control for its kind. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { useResource } from "../resource.js";
import { IconButton } from "./icon.js";
import { Refused, saying } from "./refused.js";
import { Told } from "./told.js";

/** @typedef {{value: string, label: string}} Option */
/** @typedef {Option & {name: string}} Found its name is what is written for it */

/**
 * @typedef {object} Field
 * @property {string} name as the API calls it
 * @property {string} label
 * @property {"text" | "password" | "number" | "url" | "area" | "json" | "select" | "switch" | "words" | "time" | "datetime-local" | "find"} [kind]
 * @property {any} [hint]
 * @property {boolean} [required]
 * @property {string} [placeholder]
 * @property {string} [autocomplete]
 * @property {number} [minlength]
 * @property {number} [min]
 * @property {string} [step]
 * @property {Option[] | (() => Promise<Option[]>)} [options] of a select; of words and text what is offered
 * @property {(words: string) => Promise<Found[]>} [search] of one to find: those that the words are about
 * @property {(value: string) => Promise<Found>} [read] of one to find: that which the value stands for
 * @property {string} [unlisted] of one to find, where words that are no name of one that is shown are the value: what to write
 * @property {boolean} [code] in the font of code
 * @property {boolean} [disabled] of a switch that can do nothing here
 */

/** @typedef {{id: string, field: Field, value: any, onChange: (value: any) => void, described: Record<string, any>}} ControlProps */

/** @param {ControlProps} props */
function Select({ id, field, value, onChange, described }) {
  const { options } = field;
  const read = useResource(field.name, async () => (typeof options === "function" ? options() : []));
  const shown = typeof options === "function" ? (read.data ?? []) : (options ?? []);
  return html`<select id=${id} class="form-select" required=${field.required} ...${described} aria-invalid=${described["aria-invalid"] ?? "false"} value=${value} onChange=${(/** @type {any} */ e) => onChange(e.target.value)}>
      ${!shown.some((option) => option.value === "") && html`<option value="" disabled=${field.required}>${field.required ? "Choose…" : "–"}</option>`}
      ${shown.map((option) => html`<option value=${option.value}>${option.label}</option>`)}
      ${value && !shown.some((option) => option.value === value) && html`<option value=${value}>${value}</option>`}
    </select>
    ${read.error && html`<p class="form-hint" role="alert">What there is to choose could not be loaded. ${read.error.message} <button type="button" class="link" onClick=${read.reload}>Try again</button></p>`}`;
}

const SETTLE_MS = 150;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * One of many: those that are offered follow from what is written, and the value is that of the one whose name it is. An
 * id is taken as it is. Where nothing is shown to the user they are told what to write.
 * @param {ControlProps} props
 */
function Find({ id, field, value, onChange, described }) {
  const { search, read: named, unlisted, required, label } = field;
  const [text, setText] = useState(value);
  const [sought, setSought] = useState("");
  const [offered, setOffered] = useState(/** @type {Found[]} */ ([]));
  const [given, setGiven] = useState(/** @type {Found | null} */ (null));
  const [isHidden, setHidden] = useState(false);
  const [isLeft, setLeft] = useState(false);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const found = useResource(`${label} ${sought}`, async () => search?.(sought) ?? []);
  const words = text.trim();
  const known = [...offered, ...(given ? [given] : [])];
  const one = known.find(({ name }) => words === name) ?? known.find(({ name }) => words.toLowerCase() === name.toLowerCase());
  const meant = one?.value ?? (ID.test(words) || unlisted ? words : "");
  useEffect(() => {
    if (!value || !named) return;
    const show = (/** @type {Found} */ that) => {
      setGiven(that);
      setText((/** @type {string} */ now) => (now === value ? that.name : now));
    };
    named(value).then(show, () => {}); // what is not shown to the user stays an id
  }, []);
  useEffect(() => {
    if (found.data) setOffered(found.data);
    if (found.error?.status === 403) setHidden(true);
  }, [found.data, found.error]);
  useEffect(() => {
    if (one || isHidden) return;
    const timer = setTimeout(() => setSought(words), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [words, isHidden]);
  // Who leaves the field where the words lead to one alone meant that one.
  useEffect(() => {
    if (isLeft && words && !meant && sought === words && found.data?.length === 1) setText(found.data[0].name);
  }, [isLeft, sought, found.data]);
  useLayoutEffect(() => {
    if (meant !== value) onChange(meant);
    input.current?.setCustomValidity(words && !meant ? "Choose one of those that are offered." : "");
  }, [meant, words]);
  return html`<input ref=${input} id=${id} list=${`${id}-offered`} class="form-control" required=${required} placeholder=${isHidden ? null : "Search…"} autocomplete="off" spellcheck=${false} ...${described} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} onFocus=${() => setLeft(false)} onBlur=${() => setLeft(true)} />
    <datalist id=${`${id}-offered`}>${offered.map((option) => html`<option value=${option.name}>${option.label}</option>`)}</datalist>
    ${(isHidden || (found.data?.length === 0 && !one)) && html`<p class="form-hint" role="status">There is none ${sought && !isHidden ? "of that name " : ""}that you may see. ${unlisted ?? (isHidden && "Write the id.")}</p>`}`;
}

/** What a field of text offers, to take or to write something else. @param {{id: string, field: Field, without?: string[]}} props */
export function Offered({ id, field: { name, options }, without = [] }) {
  const read = useResource(name, async () => (typeof options === "function" ? options() : (options ?? [])));
  return html`<datalist id=${id}>${(read.data ?? []).filter((option) => !without.includes(option.value)).map((option) => html`<option value=${option.value}>${option.label}</option>`)}</datalist>`;
}

/**
 * Words as chips; typed or chosen, Enter makes one of what is written. What is still being written counts as well, so
 * that leaving the field changes nothing: whoever presses a button below still finds it where it was.
 * @param {ControlProps} props
 */
function Words({ id, field, value, onChange, described }) {
  const [text, setText] = useState("");
  const [typed, setTyped] = useState(/** @type {string[]} */ ([]));
  const chips = value.filter((/** @type {string} */ word) => !typed.includes(word));
  const write = (/** @type {string} */ written, isDone = false) => {
    const words = [...new Set(written.split(/[\s,]+/))].filter((word) => word && !chips.includes(word));
    setText(isDone ? "" : written);
    setTyped(isDone ? [] : words);
    onChange([...chips, ...words]);
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && text.trim()) {
      event.preventDefault();
      write(text, true);
    }
  };
  return html`<div class="words">
    ${chips.length > 0 &&
    html`<ul class="chips" aria-label=${field.label}>
      ${chips.map((/** @type {string} */ word) => html`<li class="chip"><code class="chip-text">${word}</code><${IconButton} icon="x" label=${`Remove ${word}`} onClick=${() => onChange(value.filter((/** @type {string} */ other) => other !== word))} /></li>`)}
    </ul>`}
    <input id=${id} class="form-control is-code" list=${`${id}-offered`} placeholder=${field.placeholder} autocomplete="off" spellcheck=${false} ...${described} value=${text}
      onInput=${(/** @type {any} */ e) => write(e.target.value, e.inputType === "insertReplacementText")} onKeyDown=${onKeyDown} />
    <${Offered} id=${`${id}-offered`} field=${field} without=${chips} />
  </div>`;
}

/** @param {ControlProps} props */
function Control({ id, field, value, onChange, described }) {
  const { kind = "text", required, placeholder, code } = field;
  const onInput = (/** @type {any} */ e) => onChange(e.target.value);
  if (kind === "select") return html`<${Select} id=${id} field=${field} value=${value} onChange=${onChange} described=${described} />`;
  if (kind === "find") return html`<${Find} id=${id} field=${field} value=${value} onChange=${onChange} described=${described} />`;
  if (kind === "words") return html`<${Words} id=${id} field=${field} value=${value} onChange=${onChange} described=${described} />`;
  if (kind === "area" || kind === "json") {
    const rows = Math.min(16, Math.max(kind === "json" ? 3 : 2, String(value).split("\n").length + 1));
    return html`<textarea id=${id} class=${cx("form-control", (code || kind === "json") && "is-code")} rows=${rows} required=${required} placeholder=${placeholder} spellcheck=${kind === "area" && !code} ...${described} value=${value} onInput=${onInput}></textarea>`;
  }
  const { autocomplete = "off", minlength, min, step } = field;
  return html`${field.options && html`<${Offered} id=${`${id}-offered`} field=${field} />`}<input id=${id} list=${field.options ? `${id}-offered` : null} class=${cx("form-control", code && "is-code")} type=${kind} required=${required} placeholder=${placeholder} autocomplete=${autocomplete} minlength=${minlength} min=${min} step=${step} spellcheck=${false} ...${described} value=${value} onInput=${onInput} />`;
}

/** @param {{id: string, field: Field, value: any, refused?: string, onChange: (value: any) => void}} props */
export function Input({ id, field, value, refused, onChange }) {
  const described = saying(id, refused, field.hint);
  const below = html`${field.hint && html`<p class="form-hint" id=${`${id}-hint`}>${typeof field.hint === "string" ? html`<${Told} text=${field.hint} />` : field.hint}</p>`}<${Refused} id=${id} text=${refused} />`;
  if (field.kind === "switch") {
    return html`<div><label class="form-check form-switch"><input id=${id} class="form-check-input" type="checkbox" role="switch" disabled=${field.disabled} ...${described} checked=${value} onChange=${(/** @type {any} */ e) => onChange(e.target.checked)} /><span class="form-check-label">${field.label}</span></label>${below}</div>`;
  }
  return html`<div><label class="form-label" for=${id}>${field.label}${!field.required && field.kind !== "select" && html` <span class="quiet">optional</span>`}</label>
    <${Control} id=${id} field=${field} value=${value} onChange=${onChange} described=${described} />${below}</div>`;
}
