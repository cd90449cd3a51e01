/** Keyboard shortcuts: one list, which the `?` page shows. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

/**
 * @typedef {object} Shortcut
 * @property {string} keys
 * @property {string} label
 * @property {(event: KeyboardEvent) => unknown} run false: there was nothing to do, and the key means what it does elsewhere
 * @property {boolean} [whileTyping] also where something can be written
 * @property {boolean} [whileEmpty] only as long as nothing is written there
 */

/** @type {import("@preact/signals").Signal<Shortcut[]>} */
export const shortcuts = signal([]);

let pending = "";
/** @type {number | undefined} */
let pendingTimer;

/** @param {Shortcut[]} added @returns {() => void} takes them away again */
export function addShortcuts(added) {
  shortcuts.value = [...shortcuts.peek(), ...added];
  return () => {
    shortcuts.value = shortcuts.peek().filter((shortcut) => !added.includes(shortcut));
  };
}

/** The shortcuts of a page, while it is shown. @param {Shortcut[]} list */
export function useShortcuts(list) {
  const latest = useRef(list);
  latest.current = list;
  // With the page, not after it: whoever sees it may press its keys at once.
  useLayoutEffect(
    () => addShortcuts(list.map((shortcut, i) => ({ ...shortcut, run: (/** @type {KeyboardEvent} */ e) => latest.current[i]?.run(e) }))),
    [list.map((shortcut) => shortcut.keys).join()],
  );
}

/** What no letter is written in. */
const SWITCHES = ["checkbox", "radio", "range", "file"];

/** Whether a key writes or chooses something where the focus is. @param {KeyboardEvent} event */
function isTyping({ target, ctrlKey, metaKey }) {
  if (target instanceof HTMLInputElement) return !SWITCHES.includes(target.type);
  if (target instanceof HTMLSelectElement) return !ctrlKey && !metaKey;
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLElement && target.isContentEditable);
}

/** @param {KeyboardEvent} event @param {Shortcut | undefined} found */
const isMeant = (event, found) => !isTyping(event) || found?.whileTyping || (found?.whileEmpty && /** @type {any} */ (event.target).value === "");

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isShifted = event.shiftKey && (event.ctrlKey || event.metaKey);
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + (isShifted ? "Shift+" : "") + key;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const name = nameOf(event);
  const sequence = pending ? `${pending} ${name}` : name;
  const found = shortcuts.value.findLast((s) => s.keys === sequence) ?? shortcuts.value.findLast((s) => s.keys === name);
  clearTimeout(pendingTimer);
  pending = "";
  if (!isMeant(event, found)) return;
  if (document.querySelector("dialog[open]") && !found?.whileTyping && !found?.whileEmpty) return;
  if (found) {
    if (found.run(event) !== false) event.preventDefault();
  } else if (shortcuts.value.some((s) => s.keys.startsWith(`${name} `))) {
    pending = name;
    pendingTimer = setTimeout(() => (pending = ""), 900);
  }
}

export function startKeys() {
  document.addEventListener("keydown", onKey);
}
