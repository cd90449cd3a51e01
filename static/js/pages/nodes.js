/** Nodes: who carries the work out, how loaded each is, what it can do, and orders to it. */
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { plural, size } from "../format.js";
import { place } from "../router.js";
import { can } from "../session.js";
import { about, useResource } from "../resource.js";
import { order } from "../components/changes.js";
import { Ago } from "../components/clock.js";
import { confirmFirst } from "../components/dialog.js";
import { rowMenu, Pager } from "../components/list.js";
import { Gauges, LoadPlot, NodeState } from "../components/nodes.js";
import { Empty, Loaded } from "../components/states.js";
import { attempt, toast } from "../components/toast.js";
/** @import { Node, Page } from "../types.js" */

const LOOK_EVERY_MS = 5000;

/** @param {Node} node @param {() => void} done */
const disable = (node, done) =>
  confirmFirst({
    title: `Disable ${node.name}?`,
    text: html`${node.running ? html`The <b>${plural(node.running, "run")}</b> on it stop at once and begin anew on another node; to let them finish, drain it instead.` : html`It takes no work until it is enabled.`}`,
    action: "Disable node",
    run: () => order(`/v1/nodes/${node.id}`, { order: "disable", back: "enable" }, `${node.name} disabled`, done),
  });

/** @param {Node} node @param {() => void} done */
const forget = (node, done) =>
  confirmFirst({
    title: `Forget ${node.name}?`,
    text: html`It is offline. Runs that were on it keep their results, not its name. Started again, it joins as a new node.`,
    action: "Forget node",
    run: () => api.remove(`/v1/nodes/${node.id}`).then(() => (toast(`${node.name} forgotten`), done())),
  });

/** @param {{node: Node, done: () => void}} props */
function Orders({ node, done }) {
  const path = `/v1/nodes/${node.id}`;
  const lookAnew = () => void attempt(() => api.post(`${path}/refresh`), `${node.name} looks anew at what it can do`).then(done);
  const here = node.state !== "offline";
  return rowMenu(node.name, [
    node.admission !== "open" && can("nodes.enable") && { label: "Enable", icon: "player-play", run: () => void order(path, { order: "enable", back: node.admission === "disabled" ? "disable" : "drain" }, `${node.name} takes work again`, done) },
    node.admission === "open" && can("nodes.drain") && { label: "Drain", icon: "hourglass", run: () => void order(path, { order: "drain", back: "enable" }, `${node.name} finishes its work and takes no more`, done) },
    node.admission !== "disabled" && can("nodes.disable") && { label: "Disable…", icon: "ban", run: () => disable(node, done) },
    here && can("nodes.refresh") && { label: "Look anew", icon: "refresh", run: lookAnew },
    !here && can("nodes.remove") && { label: "Forget…", icon: "trash", danger: true, run: () => forget(node, done) },
  ]);
}

/** @param {{label: string, children?: any}} props */
const Fact = ({ label, children }) => html`<div><dt>${label}</dt><dd>${children}</dd></div>`;

/** What a node can do. @param {{node: Node}} props */
function Abilities({ node }) {
  const has = node.capabilities;
  const models = has.models ?? [];
  const labels = Object.entries(node.labels);
  return html`<dl class="node-facts">
    <${Fact} label="Machine">${[has.os, has.arch].filter(Boolean).join(" ") || html`<span class="quiet">not told</span>`}${has.cpus && html`, ${plural(has.cpus, "processor")}`}${has.memory_bytes && html`, ${size(has.memory_bytes)}`}${(has.gpus ?? []).map((gpu) => html`, ${gpu}`)}<//>
    <${Fact} label="Sandbox">${has.sandbox?.ok ? has.sandbox.kind : html`<span class="quiet">${has.sandbox?.reason ?? "not told"} ${has.sandbox?.remedy ?? ""}</span>`}<//>
    <${Fact} label="Models">${models.length ? html`<span title=${models.map(({ id }) => id).join("\n")}>${models.slice(0, 3).map(({ id }) => html`<code>${id}</code> `)}${models.length > 3 && `and ${models.length - 3} more`}</span>` : html`<span class="quiet">none within reach</span>`}<//>
    <${Fact} label="Labels">${labels.length ? labels.map(([key, value]) => html`<span class="tag">${key}=${value}</span>`) : html`<span class="quiet">none</span>`}<//>
    <${Fact} label="Disk">${node.load.disk_free_bytes ? `${size(node.load.disk_free_bytes)} free` : html`<span class="quiet">not told</span>`}<//>
    <${Fact} label="Files">${has.files_carried ? "carried by the gateway" : "shared with the gateway"}<//>
    <${Fact} label="Heard of"><${Ago} at=${node.heartbeat_at} />${node.state !== "offline" && html`, started <${Ago} at=${node.started_at} />`}<//>
  </dl>`;
}

/** @param {{node: Node, done: () => void}} props */
const Card = ({ node, done }) => html`<li class="card panel node-card" aria-label=${node.name}>
  <header class="panel-head"><h2>${node.name}</h2><${NodeState} node=${node} /><span class="node-host quiet">${node.host !== node.name && node.host}</span><${Orders} node=${node} done=${done} /></header>
  <div class="node-body">
    ${node.state !== "offline" && html`<div><${Gauges} node=${node} /><${LoadPlot} node=${node} /></div>`}
    <${Abilities} node=${node} />
  </div>
</li>`;

export default function NodesPage() {
  const cursor = place.value.query.get("cursor");
  const nodes = useResource(cursor ?? "", () => api.get("/v1/nodes", { cursor }), about("node."));
  useEffect(() => {
    const timer = setInterval(() => document.hidden || nodes.reload(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="page-head"><h1>Nodes</h1></div>
    <p class="quiet">Nodes carry the work out. Start another with <code>python app.py node</code>, on this machine or another one.</p>
    <${Loaded} of=${nodes} what="the nodes" rows=${4}>
      ${(/** @type {Page<Node>} */ page) =>
        page.items.length
          ? html`<ul class="node-list">${page.items.map((node) => html`<${Card} key=${node.id} node=${node} done=${nodes.reload} />`)}</ul><${Pager} next=${page.next_cursor} />`
          : html`<div class="card"><${Empty} title="No nodes yet">Nothing can run until one joins: start the gateway without <code>--no-node</code>, or a node by itself.<//></div>`}
    <//>`;
}
