/** Short messages in the corner, read out to whoever can't see them. */
import { signal } from "@preact/signals";
import { html } from "../html.js";
import { Icon, IconButton } from "./icon.js";

/** @typedef {{id: number, kind: "done" | "failed" | "info", text: string, link?: {href: string, label: string}}} Toast */

const SHOWN_MS = 6_000;
let nextId = 1;

/** @type {import("@preact/signals").Signal<Toast[]>} */
const toasts = signal([]);

/** @param {number} id */
const dismiss = (id) => (toasts.value = toasts.value.filter((toast) => toast.id !== id));

/** @param {string} text @param {{kind?: Toast["kind"], link?: Toast["link"]}} [options] */
export function toast(text, { kind = "done", link } = {}) {
  const id = nextId++;
  toasts.value = [...toasts.value.slice(-3), { id, kind, text, link }];
  setTimeout(() => dismiss(id), kind === "failed" ? SHOWN_MS * 2 : SHOWN_MS);
}

/** @param {unknown} error what a caught failure says to the user */
export const toastError = (error) => toast(error instanceof Error ? error.message : String(error), { kind: "failed" });

/** Runs an action of a button: what goes wrong is told. @param {() => Promise<unknown>} action @param {string} [done] */
export async function attempt(action, done) {
  try {
    await action();
    if (done) toast(done);
    return true;
  } catch (error) {
    toastError(error);
    return false;
  }
}

/** @param {{kind: Toast["kind"]}} props */
function KindIcon({ kind }) {
  if (kind === "done") return html`<${Icon} icon="circle-check" />`;
  if (kind === "failed") return html`<${Icon} icon="alert-circle" />`;
  return html`<${Icon} icon="info-circle" />`;
}

export const Toasts = () => html`<div class="toasts" role="status" aria-live="polite" aria-label="Messages">
  ${toasts.value.map(
    (item) => html`<div key=${item.id} class=${`toast-item is-${item.kind}`}>
      <${KindIcon} kind=${item.kind} />
      <span class="toast-text">${item.text} ${item.link && html`<a href=${item.link.href}>${item.link.label}</a>`}</span>
      <${IconButton} icon="x" label="Dismiss" onClick=${() => dismiss(item.id)} />
    </div>`,
  )}
</div>`;
