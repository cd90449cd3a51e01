/** The search field of a list, kept in the address as `q`; ↓ goes on to what was found. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { navigate, place, withQuery } from "../router.js";
import { useShortcuts } from "../keys.js";
import { Icon } from "./icon.js";
import { moveRow } from "./list.js";

const WAIT_MS = 200;

/** @param {{label: string}} props */
export function SearchField({ label }) {
  const given = place.value.query.get("q") ?? "";
  const [text, setText] = useState(given);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const put = useRef(given);
  useShortcuts([{ keys: "/", label, run: () => input.current?.focus() }]);
  // What comes by the way back is shown; what was put there from here, one may have written on since.
  useEffect(() => {
    if (given !== put.current) setText(given);
    put.current = given;
  }, [given]);
  useEffect(() => {
    if (text === given) return;
    const timer = setTimeout(() => {
      put.current = text;
      navigate(withQuery({ q: text, cursor: null }), { replace: true });
    }, WAIT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    moveRow(1);
  };
  return html`<label class="search-field"><${Icon} icon="search" /><span class="visually-hidden">${label}</span>
    <input ref=${input} type="search" class="form-control form-control-sm" placeholder=${label} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} onKeyDown=${onKeyDown} /></label>`;
}
