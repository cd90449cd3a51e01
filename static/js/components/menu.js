/** A button with a menu: an arrow opens it, arrows, Home, End and letters move, Esc closes, a click elsewhere too. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { IconButton, Icon } from "./icon.js";

/** @param {{label: string, items: {label: string, icon?: string, danger?: boolean, run: () => void}[]}} props */
export function Menu({ label, items }) {
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  useLayoutEffect(() => {
    if (!open) return;
    box.current?.querySelector(/** @type {"button"} */ ("[role=menuitem]"))?.focus();
    const outside = (/** @type {MouseEvent} */ event) => !box.current?.contains(/** @type {Node} */ (event.target)) && setOpen(false);
    document.addEventListener("mousedown", outside);
    return () => document.removeEventListener("mousedown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!open) {
      if (step) {
        event.preventDefault();
        setOpen(true);
      }
      return;
    }
    const buttons = /** @type {HTMLElement[]} */ ([...(box.current?.querySelectorAll("[role=menuitem]") ?? [])]);
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const begins = (/** @type {HTMLElement} */ one) => event.key.length === 1 && one.innerText.trim().toLowerCase().startsWith(event.key.toLowerCase());
    const wanted = step ? buttons[(at + step + buttons.length) % buttons.length] : event.key === "Home" ? buttons[0] : event.key === "End" ? buttons.at(-1) : [...buttons.slice(at + 1), ...buttons.slice(0, at)].find(begins);
    if (wanted) {
      event.preventDefault();
      wanted.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.stopPropagation();
      close();
    }
  };
  return html`<div class=${cx("menu", open && "is-open")} ref=${box} onKeyDown=${onKeyDown}>
    <${IconButton} icon="dots" label=${label} opens=${open} onClick=${() => setOpen(!open)} />
    ${open &&
    html`<ul class="menu-list" role="menu" aria-label=${label}>
      ${items.map(
        (item) => html`<li role="none"><button type="button" role="menuitem" tabindex="-1" class=${item.danger ? "is-danger" : null} onClick=${() => (close(), item.run())}>${item.icon && html`<${Icon} icon=${item.icon} />`}${item.label}</button></li>`,
      )}
    </ul>`}
  </div>`;
}
