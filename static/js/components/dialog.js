/** Dialogs: the browser's own <dialog> (focus kept inside, Esc closes), and the one that asks before destroying. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { IconButton } from "./icon.js";
import { toastError } from "./toast.js";

/**
 * @param {{title: string, onClose: () => void, wide?: boolean, bare?: boolean, children?: any, footer?: any}} props
 *   `bare`: without a visible heading
 */
export function Dialog({ title, onClose, wide, bare, children, footer }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // Open before the next key can arrive.
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return html`<dialog
    ref=${element}
    class=${cx("dialog", wide && "is-wide", bare && "is-bare")}
    aria-label=${title}
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onClose();
    }}
    onMouseDown=${(/** @type {MouseEvent} */ event) => event.target === element.current && onClose()}
  >
    <div class="dialog-box">
      ${!bare && html`<header class="dialog-head"><h2>${title}</h2><${IconButton} icon="x" label="Close" onClick=${onClose} /></header>`}
      <div class="dialog-body">${children}</div>
      ${footer && html`<footer class="dialog-foot">${footer}</footer>`}
    </div>
  </dialog>`;
}

/** @typedef {{title: string, text: any, action: string, run: () => Promise<unknown>}} Question */

/** @type {import("@preact/signals").Signal<Question | null>} */
const question = signal(null);

/** Asks before something is destroyed; the title names what. @param {Question} asked */
export const confirmFirst = (asked) => (question.value = asked);

export function Confirmation() {
  const [busy, setBusy] = useState(false);
  const asked = question.value;
  if (!asked) return null;
  const close = () => (question.value = null);
  const run = async () => {
    setBusy(true);
    try {
      await asked.run();
      close();
    } catch (error) {
      toastError(error);
    }
    setBusy(false);
  };
  const footer = html`<button type="button" class="btn" onClick=${close}>Keep</button>
    <button type="button" class="btn btn-danger" disabled=${busy} onClick=${run}>${asked.action}</button>`;
  return html`<${Dialog} title=${asked.title} onClose=${close} footer=${footer}><p>${asked.text}</p><//>`;
}
