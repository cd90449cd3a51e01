/** Why a run happened and what came of it: the graph of causes and effects as a tree that can be read aloud. */
import { useState } from "preact/hooks";
import { html, cx } from "../../html.js";
import * as api from "../../api.js";
import { shortId } from "../../format.js";
import { useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { Icon } from "../../components/icon.js";
import { because } from "../../components/outcomes.js";
import { Loaded } from "../../components/states.js";
import { Status } from "../../components/status.js";
/** @import { Trace, TraceNode } from "../../types.js" */

const NAMES = /** @type {Record<string, string>} */ ({
  tasks: "Task", runs: "Run", hooks: "Hook", schedules: "Schedule", firings: "Firing", events: "Event", steps: "Tool", processes: "Process", artifacts: "File",
  operations: "Connector operation", deliveries: "Delivery", messages: "Message", threads: "Chat", connectors: "Connector",
});
const ADDRESSES = /** @type {Record<string, string>} */ ({ tasks: "/tasks/", runs: "/runs/", schedules: "/schedules/", hooks: "/messaging/hooks/", threads: "/chat/" });
const STATES = ["queued", "waiting", "running", "completed", "failed", "canceled"];

const keyOf = (/** @type {string} */ kind, /** @type {string} */ id) => `${kind}/${id}`;

/** The graph as trees: each thing stands below its first cause, and is named again below others. @param {Trace} trace */
function treeOf({ nodes, edges }) {
  const effects = /** @type {Record<string, {key: string, reason: string}[]>} */ ({});
  const caused = new Set();
  for (const edge of edges) {
    const [cause, effect] = [keyOf(edge.cause_kind, edge.cause_id), keyOf(edge.effect_kind, edge.effect_id)];
    if (cause === effect) continue;
    (effects[cause] ??= []).push({ key: effect, reason: edge.reason });
    caused.add(effect);
  }
  const known = Object.fromEntries(nodes.map((node) => [keyOf(node.kind, node.id), node]));
  const roots = Object.keys(known).filter((key) => !caused.has(key));
  return { effects, known, roots: roots.length ? roots : Object.keys(known).slice(0, 1) };
}

/** How one came of the other; of a firing, why its time had come. @param {{reason: string}} props */
const Reason = ({ reason }) => html`<span class="why-reason quiet">${because(reason)} <span aria-hidden="true">→</span></span> `;

/** @param {{node: TraceNode, reason?: string, here: boolean, again: boolean}} props */
function Row({ node, reason, here, again }) {
  const name = node.title ?? (node.purged_at ? "purged" : `${shortId(node.id)}, which is not for you to see, or gone`);
  const address = ADDRESSES[node.kind];
  return html`<div class="why-row"><div>${reason && html`<${Reason} reason=${reason} />`}<span class="why-kind quiet">${NAMES[node.kind] ?? node.kind}</span>
      ${address && node.title ? html`<a class="why-name" href=${address + node.id}>${name}</a>` : html`<span class=${cx("why-name", !node.title && "quiet")}>${name}</span>`}
      ${node.status && STATES.includes(node.status) && html` <${Status} status=${node.status} />`}
      ${here && html` <span class="tag is-on">this run</span>`}${again && html` <span class="quiet">see above</span>`}</div>
    <span class="quiet why-time">${node.by && `asked for by ${node.by} `}${node.time && html`<${Ago} at=${node.time} />`}</span></div>`;
}

/** @param {{at: string, reason?: string, tree: ReturnType<typeof treeOf>, seen: Set<string>, runId: string}} props */
function Branch({ at, reason, tree, seen, runId }) {
  const node = tree.known[at];
  if (!node) return null;
  const again = seen.has(at);
  seen.add(at);
  const below = again ? [] : (tree.effects[at] ?? []);
  return html`<li><${Row} node=${node} reason=${reason} here=${node.kind === "runs" && node.id === runId} again=${again} />
    ${below.length > 0 && html`<ul>${below.map((edge) => html`<${Branch} key=${edge.key} at=${edge.key} reason=${edge.reason} tree=${tree} seen=${seen} runId=${runId} />`)}</ul>`}</li>`;
}

/** @param {{runId: string}} props */
function Graph({ runId }) {
  const read = useResource(`why ${runId}`, () => api.get(`/v1/runs/${runId}/trace`), (event) => event.run_id === runId && event.name.startsWith("run."));
  return html`<${Loaded} of=${read} what="the causes" rows=${3}>${(/** @type {Trace} */ trace) => {
    const tree = treeOf(trace);
    const seen = /** @type {Set<string>} */ (new Set());
    return html`<ul class="why">${tree.roots.map((root) => html`<${Branch} key=${root} at=${root} tree=${tree} seen=${seen} runId=${runId} />`)}</ul>
      ${trace.is_cut && html`<p class="stale">There is more than is shown.</p>`}`;
  }}<//>`;
}

/** A panel that is read when it is opened. @param {{runId: string}} props */
export function Why({ runId }) {
  const [open, setOpen] = useState(false);
  return html`<section class="card panel" aria-labelledby="h-why"><details class="why-panel" onToggle=${(/** @type {any} */ e) => setOpen(e.target.open)}>
    <summary class="panel-head"><h2 id="h-why">Why did this happen?</h2><${Icon} icon="chevron-down" /></summary>
    ${open && html`<${Graph} key=${runId} runId=${runId} />`}</details></section>`;
}
