/** A filter of a list, kept in the address under its name. */
import { useEffect, useId, useState } from "preact/hooks";
import { html } from "../html.js";
import { navigate, place, withQuery } from "../router.js";
import { Offered } from "./input.js";
/** @import { Option } from "./input.js" */

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
