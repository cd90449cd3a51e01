/** The sandbox: what confines the work on each node, trying it, and the bounds that can be set. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { size } from "../../format.js";
import { navigate } from "../../router.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { Flag } from "../../components/flag.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty, Loaded } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
import { SettingList } from "./gateway.js";
/** @import { Capability, Node } from "../../types.js" */

const BOUNDS = ["tasks.default_timeout_s", "tasks.max_timeout_s", "logs.max_run_bytes", "processes.forward_ports"];

/** What a command can find out about the place it runs in. */
const LOOK = `echo "I am $(id -un), number $(id -u)"
echo "My folders: $(ls / | tr '\\n' ' ')"
echo "Home holds $(ls -A ~ | wc -l) files of yours"
echo "Processes I see: $(ls /proc | grep -c '^[0-9]')"
getent hosts example.org > /dev/null && echo "I reach the network" || echo "I reach no network"`;

/** @param {Node} node */
const tryIt = (node) =>
  attempt(async () => {
    const task = await api.createTask({ name: "look-around-in-the-sandbox", script: { content: LOOK }, requires: { labels: { name: node.name } } });
    navigate(`/tasks/${task.id}`);
  });

/** @param {Node} node @param {() => void} done */
const lookAnew = (node, done) => attempt(() => api.post(`/v1/nodes/${node.id}/refresh`), `${node.name} looks anew at what it can do`).then(done);

/** @returns {Promise<{items: Node[]}>} */
async function here() {
  const nodes = await api.all("/v1/nodes");
  return { items: nodes.filter((/** @type {Node} */ node) => node.state !== "offline") };
}

/** @param {{sandbox: Node["capabilities"]["sandbox"]}} props */
const State = ({ sandbox }) => html`<${Flag} on=${Boolean(sandbox?.ok)} yes=${sandbox?.kind ?? ""} no="none" bad />${!sandbox?.ok && html`<div class="cell-text">${sandbox?.reason ?? "Not told yet."} <span class="quiet">${sandbox?.remedy}</span></div>`}`;

const SEEN = /** @type {[string, string][]} */ ([
  ["Files", "its own /workspace, which goes with it, and the system’s programs, to read; none of yours"],
  ["Network", "none, unless the task says so"],
  ["Rights", "an unprivileged user without capabilities, and no way to gain any"],
  ["Processes", "its own, at most 256; all end with it"],
  ["Memory and disk", "2 GiB unless configured otherwise; 4 GiB in its folder"],
]);

/** The bounds that the configuration sets. @param {{of: Capability | undefined}} props */
const Configured = ({ of }) =>
  of?.details ? html`<p class="quiet section-foot">Set by the configuration: output of a command ${size(of.details.output_bytes)}, uploads ${size(of.details.upload_bytes)}. <code>task_memory_bytes</code> is there, too.</p>` : null;

export function SandboxSettings() {
  const nodes = useResource("sandboxes", here, about("node."));
  const parts = useResource("bounds", () => api.get("/v1/capabilities"), about("setting."));
  const columns = [
    { head: "Node", class: "cell-top", cell: (/** @type {Node} */ node) => html`<b>${node.name}</b>` },
    { head: "Sandbox", class: "cell-wrap", cell: (/** @type {Node} */ node) => html`<${State} sandbox=${node.capabilities.sandbox} />` },
    { head: "System", class: "col-wide", cell: (/** @type {Node} */ node) => [node.capabilities.os, node.capabilities.arch].filter(Boolean).join(" ") },
    menuColumn((/** @type {Node} */ node) =>
      rowMenu(node.name, [
        can("tasks.create") && Boolean(node.capabilities.sandbox?.ok) && { label: "Look around in it", icon: "player-play", run: () => void tryIt(node) },
        can("nodes.refresh") && { label: "Look anew", icon: "refresh", run: () => void lookAnew(node, nodes.reload) },
      ]),
    ),
  ];
  return html`<div class="sections">
    <${Section} title="Sandbox" about="Scripts and commands run in one, always. A node without refuses them; nothing turns that off.">
      <${List} of=${nodes} what="the sandboxes" columns=${columns} empty=${html`<${Empty} title="No node is here">Start one: <code>python app.py node</code>.<//>`} />
    <//>
    <${Section} title="What the work sees">
      <div class="card panel"><dl class="facts is-roomy">${SEEN.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></div>
    <//>
    ${can("settings.read") && html`<${Section} title="Bounds" about="What goes beyond them is cut or ended, and the task says so."><${SettingList} only=${BOUNDS} />
      <${Loaded} of=${parts} what="the bounds" rows=${1}>${(/** @type {{items: Capability[]}} */ { items }) => html`<${Configured} of=${items.find(({ name }) => name === "limits")} />`}<//><//>`}
  </div>`;
}
