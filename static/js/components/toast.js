/** Short messages in the corner, read out to whoever can't see them. */
import { signal } from "@preact/signals";
import { Repeated, once } from "../api.js";
import { html } from "../html.js";
import { Icon, IconButton } from "./icon.js";

/**
 * @typedef {object} Toast
 * @property {number} id
 * @property {"done" | "failed" | "info"} kind
 * @property {string} text
 * @property {{href: string, label: string}} [link]
 * @property {() => Promise<unknown>} [undo] what takes back that of which it tells
 * @property {(isLeaving: boolean) => Promise<unknown>} [gone] what is done when it goes and nothing was taken back; `isLeaving`: so does the page
 */

const MOST = 4;
const SHOWN_MS = 6_000;
const UNDO_MS = 10_000;
const LOOK_MS = 200;
const SLOW_MS = 800;
let nextId = 1;

/** @type {import("@preact/signals").Signal<Toast[]>} */
const toasts = signal([]);

/** How many actions are at work for so long that one wonders. */
const slow = signal(0);

/** What only those hear who can't see that it is so. @type {import("@preact/signals").Signal<{id: number, text: string} | null>} */
const heard = signal(null);

/** Has a text read out. @param {string} text */
export function announce(text) {
  const said = (heard.value = { id: nextId++, text });
  setTimeout(() => heard.value === said && (heard.value = null), SHOWN_MS);
}

/** The dialogs that are open: the last lies on top, and what is not in it can be neither reached nor heard. @type {import("@preact/signals").Signal<string[]>} */
export const layers = signal([]);

/** Whether somebody is at the messages: points at them, or has the focus there. */
const areHeld = () => document.querySelector(".toasts:is(:hover, :focus-within)") !== null;

/** @param {number} id */
const takeOff = (id) => (toasts.value = toasts.value.filter((toast) => toast.id !== id));

/** @param {number} id */
function dismiss(id) {
  const item = toasts.value.find((toast) => toast.id === id);
  takeOff(id);
  void item?.gone?.(false);
}

/** @param {string} text @param {{kind?: Toast["kind"], link?: Toast["link"], undo?: Toast["undo"], gone?: Toast["gone"]}} [options] */
export function toast(text, { kind = "done", link, undo, gone } = {}) {
  const id = nextId++;
  if (!areHeld()) for (const { id: old } of toasts.value.slice(0, -MOST + 1)) dismiss(old);
  toasts.value = [...toasts.value, { id, kind, text, link, undo, gone }];
  passTime(id, undo ? UNDO_MS : kind === "failed" ? SHOWN_MS * 2 : SHOWN_MS);
}

/** Lets a message go after its time, which stands still while somebody is at the messages. @param {number} id @param {number} left in milliseconds */
function passTime(id, left) {
  const began = Date.now();
  setTimeout(() => {
    const now = areHeld() ? left : left - (Date.now() - began);
    if (now > 0) passTime(id, now);
    else dismiss(id);
  }, Math.min(left, LOOK_MS));
}

/** Does now what waits for a message to go. @param {boolean} [isLeaving] */
export function settle(isLeaving = false) {
  const waiting = toasts.value.filter(({ gone }) => gone);
  for (const { id } of waiting) takeOff(id);
  return Promise.all(waiting.map(({ gone }) => gone?.(isLeaving)));
}

window.addEventListener("pagehide", () => void settle(true));

/** @param {unknown} error what a caught failure says to the user */
export const toastError = (error) => toast(error instanceof Error ? error.message : String(error), { kind: "failed" });

/** Says that it is at work where it takes its time. @template T @param {Promise<T>} work */
async function accompany(work) {
  let isSlow = false;
  const timer = setTimeout(() => void ((isSlow = true), slow.value++), SLOW_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (isSlow) slow.value--;
  }
}

/**
 * Carries out, once however often it is asked for meanwhile: that it takes its time is told, and what goes wrong.
 * @param {() => Promise<unknown>} action @param {string} [done] what is told when it is done @param {Toast["undo"]} [undo] what takes it back
 */
async function carryOut(action, done, undo) {
  try {
    await accompany(once(action));
    if (done) toast(done, { undo });
    return true;
  } catch (error) {
    if (!(error instanceof Repeated)) toastError(error);
    return false;
  }
}

/** Whether this is the second press of a double click, which means no more than the first: the button may say the contrary by now. */
const isDoubled = () => window.event instanceof MouseEvent && window.event.detail > 1;

/** Runs an action of a button. @param {Parameters<typeof carryOut>} action */
export const attempt = async (...action) => !isDoubled() && carryOut(...action);

/** @param {Toast} item */
function takeBack({ id, undo }) {
  takeOff(id);
  if (undo) void carryOut(undo, "Taken back");
}

/** Takes back the last that is told of and can be: whether there was one. */
export function undoLast() {
  const last = toasts.value.findLast(({ undo }) => undo);
  if (last) takeBack(last);
  return last !== undefined;
}

/** @param {{kind: Toast["kind"]}} props */
function KindIcon({ kind }) {
  if (kind === "done") return html`<${Icon} icon="circle-check" />`;
  if (kind === "failed") return html`<${Icon} icon="alert-circle" />`;
  return html`<${Icon} icon="info-circle" />`;
}

/** Moves the focus to what can be done about the last message: whether there is one. */
export function toLast() {
  const [last] = [...document.querySelectorAll(".toast-item")].slice(-1);
  /** @type {HTMLElement | null | undefined} */ (last?.querySelector("a, button"))?.focus();
  return last !== undefined;
}

/** Each is read out once, as it comes. @param {{layer?: string}} props the dialog that they are shown in */
export const Toasts = ({ layer }) => html`<div class="toasts" role=${layer ? null : "status"} aria-live="polite" aria-atomic="false" aria-label=${layer ? null : "Messages"}>
  ${!layer && heard.value && html`<p key=${heard.value.id} class="visually-hidden">${heard.value.text}</p>`}
  ${layers.value.at(-1) === layer && slow.value > 0 && html`<div class="toast-item is-info"><span class="pulse" aria-hidden="true"></span><span class="toast-text">At work…</span></div>`}
  ${(layers.value.at(-1) === layer ? toasts.value : []).map(
    (item) => html`<div key=${item.id} class=${`toast-item is-${item.kind}`}>
      <${KindIcon} kind=${item.kind} />
      <span class="toast-text">${item.text} ${item.link && html`<a href=${item.link.href}>${item.link.label}</a>`}</span>
      ${item.undo && html`<button type="button" class="btn btn-sm" aria-keyshortcuts="Control+Z" title="Ctrl+Z" onClick=${() => takeBack(item)}>Undo</button>`}
      <${IconButton} icon="x" label=${item.gone ? "Do it now" : "Dismiss"} onClick=${() => dismiss(item.id)} />
      ${item.gone && html`<span class="toast-left" aria-hidden="true"></span>`}
    </div>`,
  )}
</div>`;
