/** Filters of a list, kept in the address under their names. */
import { useEffect, useId, useState } from "preact/hooks";
import { html } from "../html.js";
import { navigate, place, withQuery } from "../router.js";
import { useResource } from "../resource.js";
import { Offered } from "./input.js";
/** @import { Found, Option } from "./input.js" */

const SETTLE_MS = 150;

/** RFC 3339 as the field for local times writes it, and back. @param {string} time */
function toLocal(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
const fromLocal = (/** @type {string} */ text) => (text ? new Date(text).toISOString() : "");

/** @param {{name: string, label: string, placeholder?: string, time?: boolean, options?: () => Promise<Option[]>}} props taken over by Enter or by leaving the field */
export function FilterField({ name, label, placeholder, time, options }) {
  const id = useId();
  const given = place.value.query.get(name) ?? "";
  const shown = time ? toLocal(given) : given;
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const take = (/** @type {string} */ value) => {
    const wanted = time ? fromLocal(value) : value.trim();
    if (wanted !== given) navigate(withQuery({ [name]: wanted, cursor: null }));
  };
  return html`<div class="filter-field"><label class="form-label" for=${id}>${label}</label>
    ${options && html`<${Offered} id=${`${id}-offered`} field=${{ name, label, options }} />`}
    <input id=${id} class="form-control form-control-sm" type=${time ? "datetime-local" : "text"} list=${options ? `${id}-offered` : null} placeholder=${placeholder} autocomplete="off" spellcheck=${false} value=${text}
      onInput=${(/** @type {any} */ e) => setText(e.target.value)} onChange=${(/** @type {any} */ e) => take(e.target.value)} onKeyDown=${(/** @type {any} */ e) => e.key === "Enter" && take(e.target.value)} /></div>`;
}

/**
 * One of many: those that are offered follow from what is written, the address has the id of the one that is taken.
 * @param {{name: string, label: string, placeholder?: string, search: (words: string) => Promise<Found[]>, read: (id: string) => Promise<Found>}} props
 *   `placeholder`: the words for no choice
 */
export function FilterFind({ name, label, placeholder = "Search…", search, read }) {
  const id = useId();
  const given = place.value.query.get(name) ?? "";
  const named = useResource(`${name} ${given}`, async () => (given ? read(given) : null));
  const shown = named.data?.name ?? given;
  const [text, setText] = useState(shown);
  const [state, setState] = useState({ isUsed: false, sought: "", taken: "" });
  const found = useResource(`${label} ${state.isUsed} ${state.sought}`, async () => (state.isUsed ? search(state.sought) : []));
  const [offered, setOffered] = useState(/** @type {Found[]} */ ([]));
  const change = (/** @type {Partial<typeof state>} */ some) => setState((before) => ({ ...before, ...some }));
  const choose = (/** @type {string} */ value) => value !== given && navigate(withQuery({ [name]: value, cursor: null }));
  useEffect(() => setText(shown), [shown]);
  useEffect(() => void (found.data && setOffered(found.data)), [found.data]);
  useEffect(() => {
    const timer = setTimeout(() => change({ sought: text.trim() }), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const meant = state.taken && offered.find((one) => one.name === state.taken);
    if (meant) choose(meant.value);
  }, [state.taken, offered]);
  const onInput = (/** @type {any} */ e) => {
    setText(e.target.value);
    change({ taken: e.inputType === "insertReplacementText" ? e.target.value.trim() : "" });
  };
  const take = (/** @type {string} */ words) => (words ? change({ taken: words }) : choose(""));
  return html`<div class="filter-field"><label class="form-label" for=${id}>${label}</label>
    <input id=${id} class="form-control form-control-sm" list=${`${id}-offered`} placeholder=${placeholder} autocomplete="off" spellcheck=${false} value=${text} onFocus=${() => change({ isUsed: true })}
      onInput=${onInput} onChange=${(/** @type {any} */ e) => take(e.target.value.trim())} onKeyDown=${(/** @type {any} */ e) => e.key === "Enter" && take(e.target.value.trim())} />
    <datalist id=${`${id}-offered`}>${offered.map((one) => html`<option value=${one.name}>${one.label}</option>`)}</datalist></div>`;
}
