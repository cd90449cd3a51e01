/** A button with a menu: arrows move, Esc closes, a click elsewhere too. */
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
    if (!open) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = /** @type {HTMLElement[]} */ ([...(box.current?.querySelectorAll("[role=menuitem]") ?? [])]);
    if (step) {
      event.preventDefault();
      buttons[(buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + step + buttons.length) % buttons.length].focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.stopPropagation();
      close();
    }
  };
  return html`<div class=${cx("menu", open && "is-open")} ref=${box} onKeyDown=${onKeyDown}>
    <${IconButton} icon="dots" label=${label} onClick=${() => setOpen(!open)} />
    ${open &&
    html`<ul class="menu-list" role="menu" aria-label=${label}>
      ${items.map(
        (item) => html`<li role="none"><button type="button" role="menuitem" tabindex="-1" class=${item.danger ? "is-danger" : null} onClick=${() => (close(), item.run())}>${item.icon && html`<${Icon} icon=${item.icon} />`}${item.label}</button></li>`,
      )}
    </ul>`}
  </div>`;
}
