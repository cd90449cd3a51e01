/** The list of keys that `?` shows. */
import { html } from "../html.js";
import { shortcuts } from "../keys.js";
import { Dialog } from "./dialog.js";

const FIXED = [
  { keys: "Ctrl+Enter", label: "Submit what you are writing" },
  { keys: "Escape", label: "Close what is open" },
];

/** @param {{keys: string}} props */
export const Keys = ({ keys }) => html`<span class="keys">${keys.split(" ").map((part) => html`${part.split("+").map((key) => html`<kbd>${{ Escape: "Esc", ArrowUp: "↑", ArrowDown: "↓" }[key] ?? (key.length === 1 ? key.toUpperCase() : key)}</kbd>`)} `)}</span>`;

/** Each key once, with what it does now. */
const shown = () => new Map([...FIXED, ...shortcuts.value].map((shortcut) => [shortcut.keys, shortcut])).values();

/** @param {{onClose: () => void}} props */
export const KeysHelp = ({ onClose }) => html`<${Dialog} title="Keys" onClose=${onClose}>
  <dl class="keys-list" tabindex="0">${[...shown()].map(({ keys, label }) => html`<div><dt><${Keys} keys=${keys} /></dt><dd>${label}</dd></div>`)}</dl>
<//>`;
