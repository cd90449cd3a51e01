/** Dialogs: the browser's own <dialog> (focus kept inside, Esc closes), and the one that asks before destroying. */
import { signal } from "@preact/signals";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { ApiError } from "../api.js";
import { bringBack, whereFocusIs } from "../focus.js";
import { forget, unsentForms, wrote } from "../unsent.js";
import { IconButton } from "./icon.js";
import { Problem } from "./problem.js";
import { Toasts, layers, toastError } from "./toast.js";

const FIELD = ".dialog-body :is(input, select, textarea):not(:disabled)";

const inDialogs = () => unsentForms().filter((form) => form.closest("dialog"));

/** Asks, in a dialog as Esc does, before another page takes the place of what was written: whether it may. @param {() => void} go where it would then */
export function mayLeave(go) {
  const [form] = inDialogs();
  if (form) form.closest("dialog")?.dispatchEvent(new Event("cancel", { cancelable: true }));
  else if (unsentForms().length) confirmOver({ title: "Leave the page?", text: "What you have written is not saved yet, and is lost then.", action: "Leave it", keep: "Stay", run: async () => (forget(unsentForms()), go()) });
  return !unsentForms().length;
}

/**
 * @param {{title: string, onClose: () => void, wide?: boolean, bare?: boolean, warning?: string, children?: any, footer?: any}} props
 *   `bare`: without a visible heading; `warning`: what a slip would lose that is in no form
 */
export function Dialog({ title, onClose, wide, bare, warning, children, footer }) {
  const id = useId();
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [isWarned, setWarned] = useState(false);
  const onInput = (/** @type {Event} */ event) => {
    const form = /** @type {Element} */ (event.target).closest("form");
    if (form) wrote(form);
    setWarned(false);
  };
  const close = () => {
    forget(unsentForms(element.current));
    onClose();
  };
  const isHeld = () => Boolean(warning) || unsentForms(element.current).length > 0;
  // A slip does not lose what was written.
  const leave = () => (isHeld() && !isWarned ? setWarned(true) : close());
  const beside = (/** @type {MouseEvent} */ event) => {
    if (event.target !== element.current) return;
    event.preventDefault(); // the focus stays where it is
    if (event.detail === 1) leave(); // the second of a double click was meant for the button that opened it
  };
  // Open before the next key can arrive.
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = whereFocusIs();
    dialog?.showModal();
    layers.value = [...layers.peek(), id];
    // Else the cross, which comes first, would have it.
    if (!dialog?.querySelector("[autofocus]")) dialog?.querySelector(/** @type {"input"} */ (FIELD))?.focus();
    return () => {
      layers.value = layers.peek().filter((other) => other !== id);
      dialog?.close();
      bringBack(before);
    };
  }, []);
  return html`<dialog
    ref=${element}
    class=${cx("dialog", wide && "is-wide", bare && "is-bare")}
    aria-label=${title}
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      leave();
    }}
    onMouseDown=${beside}
    onInput=${onInput}
  >
    <div class="dialog-box">
      ${!bare && html`<header class="dialog-head"><h2>${title}</h2><${IconButton} icon="x" label="Close" onClick=${close} /></header>`}
      ${isWarned && isHeld() && html`<p class="dialog-warning" role="alert">${warning ?? "This is not saved yet."} <kbd>Esc</kbd> once more drops it.</p>`}
      <div class="dialog-body">${children}</div>
      ${footer && html`<footer class="dialog-foot">${footer}</footer>`}
    </div>
    <${Toasts} layer=${id} />
  </dialog>`;
}

/** @type {import("@preact/signals").Signal<any>} the one dialog that belongs to no page */
const opened = signal(null);

/** @param {any} content a dialog that says `closeDialog` when it is done; it takes the place of the one before */
export const openDialog = (content) => (opened.value = content);
export function closeDialog() {
  forget(inDialogs());
  opened.value = null;
}

/** Closes it, unless another has taken its place. @param {any} content */
export const closeIfOpen = (content) => void (opened.peek() === content && closeDialog());

/** @type {import("@preact/signals").Signal<any>} a question over all that is open, which stays as it is */
const over = signal(null);

/** Whether there is one, of those that belong to no page. */
export const isAsking = () => opened.value !== null;

export const OpenDialog = () => html`${opened.value}${over.value}`;

/** @typedef {{title: string, text: any, more?: any, action: string, keep?: string, run: () => Promise<unknown>}} Question `keep`: the words of the button that does nothing */

/** @param {Question & {onClose: () => void}} props */
function Confirmation({ title, text, more, action, keep = "Keep", run, onClose }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const confirm = async () => {
    setBusy(true);
    try {
      await run();
      onClose();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (!element.current) return toastError(problem);
      setError(problem);
      setBusy(false);
    }
  };
  const footer = html`<button type="button" class="btn" autofocus onClick=${onClose}>${keep}</button>
    <button type="button" class="btn btn-danger" disabled=${busy} onClick=${confirm}>${action}</button>`;
  return html`<${Dialog} title=${title} onClose=${onClose} footer=${footer}><div class="form" ref=${element}><p>${text}</p>${more}${error && html`<${Problem} error=${error} />`}</div><//>`;
}

/** Asks before something is destroyed; the title names what. @param {Question} asked */
export function confirmFirst(asked) {
  const content = html`<${Confirmation} key=${asked.title} ...${asked} onClose=${() => closeIfOpen(content)} />`;
  openDialog(content);
}

/** Asks so without taking the place of what is open. @param {Question} asked */
export const confirmOver = (asked) => (over.value = html`<${Confirmation} ...${asked} onClose=${() => (over.value = null)} />`);
