/** Two runs side by side: how they went, what they wrote, their files. */
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { duration, size } from "../format.js";
import { place } from "../router.js";
import { plain } from "../components/ansi.js";
import { useResource } from "../resource.js";
import { Ago } from "../components/clock.js";
import { Table } from "../components/list.js";
import { Section } from "../components/section.js";
import { Empty, Loaded } from "../components/states.js";
import { Status } from "../components/status.js";
/** @import { ComparedFile, ComparedRun, ComparedText, Comparison } from "../types.js" */

const took = (/** @type {number | null} */ seconds) => (seconds === null ? "–" : duration(seconds));
const MARKS = /** @type {Record<string, string>} */ ({ "+": "added", "-": "removed" });

/** @param {{run: ComparedRun, side: string}} props */
const Head = ({ run, side }) => html`<section class="card panel compare-side" aria-label=${side}>
  <header class="panel-head"><h2>${run.task_id ? html`<a href=${`/tasks/${run.task_id}?run=${run.run_id}`}>${run.task_name}</a>` : run.task_name}</h2><${Status} status=${run.status} /></header>
  <dl class="facts">
    <div><dt>Attempt</dt><dd>${run.attempt}</dd></div>
    <div><dt>Started</dt><dd>${run.started_at ? html`<${Ago} at=${run.started_at} />` : "–"}</dd></div>
    <div><dt>Took</dt><dd class="tabular">${took(run.seconds)}</dd></div>
    ${run.error && html`<div><dt>Error</dt><dd>${run.error.message}</dd></div>`}
  </dl></section>`;

/** @param {Comparison} found the commands of both, one row for each place */
const pairs = ({ left, right }) =>
  Array.from({ length: Math.max(left.jobs.length, right.jobs.length) }, (_, n) => ({ id: String(n), number: n + 1, left: left.jobs[n] ?? null, right: right.jobs[n] ?? null }));

/** @param {any} job */
const jobCell = (job) => (job ? html`${job.exit_code === null ? job.status : html`<span class=${cx("exit", job.exit_code && "is-bad")}>exit ${job.exit_code}</span>`} <span class="quiet tabular">${took(job.seconds)}</span>` : html`<span class="quiet">not there</span>`);

/** @param {{text: ComparedText}} props */
const Difference = ({ text }) => html`<section class="card panel" aria-label=${text.name}><header class="panel-head"><h3>${text.name}</h3><span class="quiet">${text.is_same ? "the same" : "different"}${text.is_cut ? ", cut" : ""}</span></header>
  ${text.is_same
    ? html`<pre class="diff" tabindex="0" aria-label=${`${text.name} of both`}>${plain(text.left)}</pre>`
    : text.diff === null
      ? html`<p class="quiet panel-text">They differ in too many lines to show where.</p>`
      : html`<pre class="diff" tabindex="0" aria-label=${`What differs in ${text.name}`}>${plain(text.diff).split("\n").slice(2).map((line) => html`<span class=${`diff-line is-${MARKS[line[0]] ?? "same"}`}>${MARKS[line[0]] && html`<span class="visually-hidden">${MARKS[line[0]]}: </span>`}${line}${"\n"}</span>`)}</pre>`}
</section>`;

/** @param {ComparedFile} file */
const fileState = (file) => (file.left_id === null ? "only on the right" : file.right_id === null ? "only on the left" : file.is_same ? "the same" : "different");

/** @param {{found: Comparison}} props */
const Compared = ({ found }) => html`<div class="compare-sides"><${Head} run=${found.left} side="Left run" /><${Head} run=${found.right} side="Right run" /></div>
  <p class="compare-inputs">${found.inputs.length ? html`Their inputs differ in ${found.inputs.map((name, n) => html`${n > 0 && ", "}<code>${name}</code>`)}.` : "Their inputs are the same."}</p>
  <${Section} title="Commands"><div class="card list-card"><${Table} label="Commands" rows=${pairs(found)} columns=${[
    { head: "Command", class: "cell-name", cell: (/** @type {any} */ row) => html`<span class="quiet tabular">${row.number}</span> <code>${row.left?.command ?? row.right?.command ?? "script"}</code>` },
    { head: "Left", cell: (/** @type {any} */ row) => jobCell(row.left) },
    { head: "Right", cell: (/** @type {any} */ row) => jobCell(row.right) },
  ]} /></div><//>
  <${Section} title="What they wrote">${found.texts.length ? found.texts.map((text) => html`<${Difference} key=${text.name} text=${text} />`) : html`<p class="quiet">Neither wrote anything.</p>`}<//>
  ${found.artifacts.length > 0 && html`<${Section} title="Artifacts"><div class="card list-card"><${Table} label="Artifacts" keyOf=${(/** @type {ComparedFile} */ file) => file.filename} rows=${found.artifacts} columns=${[
    { head: "File", class: "cell-name", cell: (/** @type {ComparedFile} */ file) => html`<b>${file.filename}</b>` },
    { head: "Left", cell: (/** @type {ComparedFile} */ file) => (file.left_size === null ? "–" : size(file.left_size)) },
    { head: "Right", cell: (/** @type {ComparedFile} */ file) => (file.right_size === null ? "–" : size(file.right_size)) },
    { head: "Content", cell: fileState },
  ]} /></div><//>`}`;

export default function ComparePage() {
  const [left, right] = [place.value.query.get("left"), place.value.query.get("right")];
  const read = useResource(`${left} ${right}`, async () => (left && right ? api.get(`/v1/runs/${left}/compare`, { with: right }) : { empty: true }));
  return html`<div class="page-head"><h1>Compare runs</h1></div>
    <${Loaded} of=${read} what="the runs" rows=${6}>${(/** @type {any} */ found) => (found.empty ? html`<${Empty} title="Nothing to compare">Choose <i>Compare with…</i> on the page of a task.<//>` : html`<${Compared} found=${found} />`)}<//>`;
}
