/** Nodes as the pages show them: state, slots, load now and over the last hour. */
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { useResource } from "../resource.js";
import { Icon } from "./icon.js";
import { Lines } from "./plot.js";
import { Progress } from "./progress.js";
/** @import { LoadSample, Node } from "../types.js" */

const WORDS = /** @type {Record<string, string>} */ ({ online: "takes work", draining: "finishes its work", drained: "takes nothing", disabled: "disabled", offline: "offline" });

/** What a node is ready for, as a word with a mark. @param {{node: Node}} props */
export const NodeState = ({ node }) => html`<span class=${cx("status", node.state === "online" ? "is-completed" : node.state === "offline" ? "is-failed" : "is-canceled")}>
  ${node.state === "online" ? html`<${Icon} icon="check" />` : node.state === "offline" ? html`<${Icon} icon="x" />` : html`<${Icon} icon="ban" />`}${WORDS[node.state]}</span>`;

/** @param {{label: string, part: number, text: string}} props */
const Gauge = ({ label, part, text }) => html`<div class="gauge"><span class="gauge-label">${label}</span><${Progress} part=${Math.min(1, part)} label=${label} /><span class="tabular quiet">${text}</span></div>`;

/** What of a node is in use now. @param {{node: Node}} props */
export const Gauges = ({ node }) => html`<div class="gauges">
  <${Gauge} label="Slots" part=${node.running / node.concurrency} text=${`${node.running} of ${node.concurrency}`} />
  <${Gauge} label="Processor" part=${(node.load.cpu_percent ?? 0) / 100} text=${`${Math.round(node.load.cpu_percent ?? 0)} %`} />
  <${Gauge} label="Memory" part=${(node.load.memory_percent ?? 0) / 100} text=${`${Math.round(node.load.memory_percent ?? 0)} %`} />
</div>`;

const HOUR_S = 3600;

const SERIES = /** @type {{label: string, colour: string, of: "cpu_percent" | "memory_percent"}[]} */ ([
  { label: "Processor", colour: "--accent", of: "cpu_percent" },
  { label: "Memory", colour: "--off", of: "memory_percent" },
]);

/** A node's last hour. @param {{node: Node}} props */
export function LoadPlot({ node }) {
  const load = useResource(`${node.id} ${node.heartbeat_at.slice(0, 15)}`, () => api.get(`/v1/nodes/${node.id}/load`, { minutes: 60 }));
  /** @type {LoadSample[]} */
  const items = load.data?.items ?? [];
  if (items.length < 2) return html`<p class="quiet node-plot">The load of the last hour shows here in a minute.</p>`;
  const mean = (/** @type {"cpu_percent" | "memory_percent"} */ name) => Math.round(items.reduce((sum, item) => sum + item[name], 0) / items.length);
  const summary = `Load of ${node.name} in the last hour, on average: processor ${mean("cpu_percent")} %, memory ${mean("memory_percent")} %.`;
  return html`<div class="node-plot">
    <ul class="legend">${SERIES.map(({ label, colour }) => html`<li><span class="swatch" style=${{ background: `var(${colour})` }}></span>${label}</li>`)}</ul>
    <${Lines} times=${items.map((item) => Date.parse(item.time) / 1000)} series=${SERIES.map(({ of, ...rest }) => ({ ...rest, values: items.map((item) => item[of]) }))} most=${100} span=${HOUR_S} summary=${summary} />
  </div>`;
}
