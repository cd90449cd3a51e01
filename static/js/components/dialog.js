/** Dialogs: the browser's own <dialog> (focus kept inside, Esc closes), and the one that asks before destroying. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { ApiError } from "../api.js";
import { bringBack, whereFocusIs } from "../focus.js";
import { IconButton } from "./icon.js";
import { Problem } from "./problem.js";

const FIELD = ".dialog-body :is(input, select, textarea):not(:disabled)";

/**
 * @param {{title: string, onClose: () => void, wide?: boolean, bare?: boolean, children?: any, footer?: any}} props
 *   `bare`: without a visible heading
 */
export function Dialog({ title, onClose, wide, bare, children, footer }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const written = useRef(/** @type {Element | null} */ (null));
  const [isWarned, setWarned] = useState(false);
  const onInput = (/** @type {Event} */ event) => {
    written.current = /** @type {Element} */ (event.target).closest("form");
    setWarned(false);
  };
  // A slip does not lose what was written; a form that was sent is gone, or made anew.
  const leave = () => (written.current?.isConnected && !isWarned ? setWarned(true) : onClose());
  // Open before the next key can arrive.
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = whereFocusIs();
    dialog?.showModal();
    // Else the cross, which comes first, would have it.
    if (!dialog?.querySelector("[autofocus]")) dialog?.querySelector(/** @type {"input"} */ (FIELD))?.focus();
    return () => {
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
    onMouseDown=${(/** @type {MouseEvent} */ event) => event.target === element.current && leave()}
    onInput=${onInput}
  >
    <div class="dialog-box">
      ${!bare && html`<header class="dialog-head"><h2>${title}</h2><${IconButton} icon="x" label="Close" onClick=${onClose} /></header>`}
      ${isWarned && html`<p class="dialog-warning" role="status">This is not saved yet. <kbd>Esc</kbd> once more drops it.</p>`}
      <div class="dialog-body">${children}</div>
      ${footer && html`<footer class="dialog-foot">${footer}</footer>`}
    </div>
  </dialog>`;
}

/** @type {import("@preact/signals").Signal<any>} the one dialog that belongs to no page */
const opened = signal(null);

/** @param {any} content a dialog that says `closeDialog` when it is done; it takes the place of the one before */
export const openDialog = (content) => (opened.value = content);
export const closeDialog = () => (opened.value = null);
export const OpenDialog = () => opened.value;

/** @typedef {{title: string, text: any, more?: any, action: string, run: () => Promise<unknown>}} Question */

/** @param {Question} asked */
function Confirmation({ title, text, more, action, run }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const confirm = async () => {
    setBusy(true);
    try {
      await run();
      closeDialog();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
      setBusy(false);
    }
  };
  const footer = html`<button type="button" class="btn" autofocus onClick=${closeDialog}>Keep</button>
    <button type="button" class="btn btn-danger" disabled=${busy} onClick=${confirm}>${action}</button>`;
  return html`<${Dialog} title=${title} onClose=${closeDialog} footer=${footer}><div class="form"><p>${text}</p>${more}${error && html`<${Problem} error=${error} />`}</div><//>`;
}

/** Asks before something is destroyed; the title names what. @param {Question} asked */
export const confirmFirst = (asked) => openDialog(html`<${Confirmation} key=${asked.title} ...${asked} />`);
