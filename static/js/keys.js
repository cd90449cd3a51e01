/** Keyboard shortcuts: one list, which the `?` page shows. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

/** @typedef {{keys: string, label: string, run: (event: KeyboardEvent) => void, whileTyping?: boolean}} Shortcut */

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

/** @param {EventTarget | null} target */
const isTyping = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + key;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const name = nameOf(event);
  const sequence = pending ? `${pending} ${name}` : name;
  const found = shortcuts.value.findLast((s) => s.keys === sequence) ?? shortcuts.value.findLast((s) => s.keys === name);
  clearTimeout(pendingTimer);
  pending = "";
  if (isTyping(event.target) && !found?.whileTyping) return;
  if (document.querySelector("dialog[open]") && !found?.whileTyping) return;
  if (found) {
    event.preventDefault();
    found.run(event);
  } else if (shortcuts.value.some((s) => s.keys.startsWith(`${name} `))) {
    pending = name;
    pendingTimer = setTimeout(() => (pending = ""), 900);
  }
}

export function startKeys() {
  document.addEventListener("keydown", onKey);
}
