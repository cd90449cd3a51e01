/** JSON values: short in a row, whole, and the difference of two. */
import { html } from "../html.js";
import { diffLines } from "../diff.js";
/** @import { Line } from "../diff.js" */

const SHORT = 60;

/** @param {any} value @returns {string[]} nothing at all has no lines */
const linesOf = (value) => (value === undefined ? [] : JSON.stringify(value, null, 2).split("\n"));

/** @param {{value: any}} props a value in a row, whole on hover */
export function ShortJson({ value }) {
  const text = JSON.stringify(value);
  return html`<code class="cell-short" title=${text}>${text.length > SHORT ? `${text.slice(0, SHORT)}…` : text}</code>`;
}

/** @param {{value: any, label: string}} props a value, whole */
export const Json = ({ value, label }) => html`<pre class="source" tabindex="0" aria-label=${label}>${linesOf(value).join("\n")}</pre>`;

/** What somebody keeps with a task or a run; nothing where there is none. @param {{value?: Record<string, any> | null}} props */
export const Metadata = ({ value }) => Object.keys(value ?? {}).length > 0 && html`<section class="card panel" aria-labelledby="h-metadata"><header class="panel-head"><h2 id="h-metadata">Metadata</h2></header><${Json} value=${value} label="Metadata" /></section>`;

const MARKS = { same: " ", added: "+", removed: "−" };
const WORDS = { same: "", added: "added: ", removed: "removed: " };

/** @param {{before: any, after: any, label: string}} props `undefined` stands for no value */
export const JsonDiff = ({ before, after, label }) => html`<${Diff} lines=${diffLines(linesOf(before), linesOf(after))} label=${label} />`;

/** @param {{lines: Line[], label: string}} props */
export const Diff = ({ lines, label }) => html`<pre class="diff" tabindex="0" aria-label=${label}>${lines.map(
  ({ kind, text }) => html`<span class=${`diff-line is-${kind}`}><span class="diff-mark" aria-hidden="true">${MARKS[kind]}</span><span class="visually-hidden">${WORDS[kind]}</span>${text}${"\n"}</span>`,
)}</pre>`;
