/** Sessions and runs as a tree, each run with a bar of when it ran; the bars share one scale. */
import { html, cx } from "../html.js";
import { between, exactTime, runName } from "../format.js";
import { now } from "../components/clock.js";
import { Icon } from "../components/icon.js";
import { Status, isFinished } from "../components/status.js";
/** @import { Run, WorkSession } from "../types.js" */

/**
 * @typedef {object} Node
 * @property {string} id
 * @property {"session" | "run"} kind
 * @property {string} label
 * @property {string} href
 * @property {Run | null} run
 * @property {Node[]} children
 */

/** A run among those of other tasks. @param {Run} run */
const among = (run) => (run.task_name && !run.name && run.attempt === 1 ? run.task_name : runName(run));

/** @param {Run} run @param {Node[]} [children] @returns {Node} */
export const runNode = (run, children = []) => ({ id: run.id, kind: "run", label: among(run), href: `/runs/${run.id}`, run, children });

/** @param {WorkSession} session @param {Node[]} children @returns {Node} */
export const sessionNode = (session, children) => ({ id: session.id, kind: "session", label: session.title, href: `/sessions/${session.id}`, run: null, children });

/** Puts runs below the runs they belong to; those whose parent is elsewhere stay at the top. @param {Run[]} runs newest first @returns {Node[]} */
export function nested(runs) {
  const nodes = new Map(runs.map((run) => [run.id, runNode(run)]));
  /** @type {Node[]} */
  const top = [];
  for (const run of [...runs].reverse()) {
    const node = /** @type {Node} */ (nodes.get(run.id));
    (nodes.get(run.parent_run_id ?? "")?.children ?? top).push(node);
  }
  return top;
}

/** @param {Node[]} nodes @returns {Run[]} */
const runsOf = (nodes) => nodes.flatMap((node) => [...(node.run ? [node.run] : []), ...runsOf(node.children)]);

/** @param {{run: Run, from: number, to: number}} props */
function Bar({ run, from, to }) {
  if (!run.started_at) return html`<span class="time-track"></span>`;
  const [begin, end] = [Date.parse(run.started_at), run.ended_at ? Date.parse(run.ended_at) : now.value];
  const share = (/** @type {number} */ time) => (100 * (time - from)) / Math.max(1, to - from);
  const style = { marginLeft: `${Math.min(99, share(begin))}%`, width: `${Math.max(0.8, share(end) - share(begin))}%` };
  return html`<span class="time-track" title=${`${exactTime(run.started_at)}${run.ended_at ? ` – ${exactTime(run.ended_at)}` : ""}`}><span class=${`time-bar is-${run.status}`} style=${style}></span></span>`;
}

/** @param {{node: Node, from: number, to: number, current?: string}} props */
const Branch = ({ node, from, to, current }) => html`<li>
  <div class=${cx("time-row", node.id === current && "is-current")}>
    <a class="time-label row-link" href=${node.href} aria-current=${node.id === current ? "true" : null}>${node.kind === "session" ? html`<${Icon} icon="folders" />` : html`<${Icon} icon="player-play" />`}<span>${node.label}</span></a>
    ${node.run
      ? html`<${Status} status=${node.run.status} /><${Bar} run=${node.run} from=${from} to=${to} /><span class="time-took tabular quiet">${between(node.run.started_at, node.run.ended_at ?? (isFinished(node.run.status) ? node.run.started_at : null), now.value)}</span>`
      : html`<span></span><span></span><span></span>`}
  </div>
  ${node.children.length > 0 && html`<ul>${node.children.map((child) => html`<${Branch} key=${child.id} node=${child} from=${from} to=${to} current=${current} />`)}</ul>`}
</li>`;

/** @param {{nodes: Node[], label: string, current?: string}} props */
export function TimeTree({ nodes, label, current }) {
  const started = runsOf(nodes).filter((run) => run.started_at);
  const from = Math.min(...started.map((run) => Date.parse(/** @type {string} */ (run.started_at))));
  const to = Math.max(...started.map((run) => (run.ended_at ? Date.parse(run.ended_at) : now.value)));
  return html`<ul class="time-tree" aria-label=${label}>${nodes.map((node) => html`<${Branch} key=${node.id} node=${node} from=${from} to=${to} current=${current} />`)}</ul>`;
}
