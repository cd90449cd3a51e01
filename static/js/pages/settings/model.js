/** The local model: whether its weights are there, fetching and trying it, and which model answers when none is named. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { size } from "../../format.js";
import { navigate } from "../../router.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { copy } from "../../components/copy.js";
import { Flag } from "../../components/flag.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
import { SettingList } from "./gateway.js";
/** @import { LocalModel, Node } from "../../types.js" */

/** @typedef {LocalModel & {node: Node, key: string}} Row a model on a node */

const CHOICES = ["chat.default_model", "agents.tool_calling", "sessions.summary_model"];

/** Has a node fetch the model, where it has not yet, and answer by it; the task's page tells how far it is. @param {Row} row */
const tryIt = ({ id, node }) =>
  attempt(async () => {
    const task = await api.createTask({ name: `try-${id.replace("local/", "")}`, prompt: "Say hello in one short sentence.", model: id, requires: { labels: { name: node.name } } });
    navigate(`/tasks/${task.id}`);
  });

/** @returns {Promise<{items: Row[], servers: {name: string, address: string, node: string}[]}>} */
async function read() {
  /** @type {Node[]} */
  const nodes = (await api.all("/v1/nodes")).filter((/** @type {Node} */ node) => node.state !== "offline");
  return {
    items: nodes.flatMap((node) => (node.capabilities.local_models ?? []).map((model) => ({ ...model, node, key: `${node.id} ${model.id}` }))),
    servers: nodes.flatMap((node) => Object.entries(node.capabilities.found_providers ?? {}).map(([name, { base_url: address }]) => ({ name, address, node: node.name }))),
  };
}

const COLUMNS = [
  { head: "Model", class: "cell-name", cell: (/** @type {Row} */ row) => html`<b>${row.title}</b> <code class="quiet">${row.id}</code>` },
  { head: "On", cell: (/** @type {Row} */ row) => row.node.name },
  { head: "Weights", cell: (/** @type {Row} */ row) => html`<${Flag} on=${row.is_here} yes="there" no="not fetched" />` },
  { head: "Size", cell: (/** @type {Row} */ row) => html`<span class="tabular">${size(row.size)}</span>` },
  { head: "Licence", class: "col-wide", cell: (/** @type {Row} */ row) => row.licence },
  menuColumn((/** @type {Row} */ row) =>
    rowMenu(`${row.id} on ${row.node.name}`, [
      can("tasks.create") && { label: row.is_here ? "Try it" : "Fetch and try it", icon: row.is_here ? "player-play" : "download", run: () => void tryIt(row) },
      { label: "Copy the command that removes it", icon: "copy", run: () => void copy(`python app.py model remove ${row.id.replace("local/", "")}`, "Command") },
    ]),
  ),
];

const SERVERS = [
  { head: "Server", class: "cell-name", cell: (/** @type {{name: string}} */ { name }) => html`<b>${name}</b>` },
  { head: "Address", cell: (/** @type {{address: string}} */ { address }) => html`<code>${address}</code>` },
  { head: "Seen by", cell: (/** @type {{node: string}} */ { node }) => node },
];

export function LocalModels() {
  const found = useResource("local models", read, about("node.", "task.completed", "task.failed"), 1000);
  const servers = { ...found, data: found.data && { items: found.data.servers } };
  return html`<div class="sections">
    <${Section} title="The local model" about="It needs nothing else installed and no key, and what you ask it stays on this machine. It is small: it shows that the way works, and answers simple things.">
      <${List} of=${found} what="the local models" columns=${COLUMNS} keyOf=${(/** @type {Row} */ row) => row.key} empty=${html`<${Empty} title="No node is here">A node keeps the model and answers by it: <code>python app.py node</code>.<//>`} />
      <p class="quiet section-foot">Fetched at its first use – how far it is stands in the task’s log – and checked by its SHA-256; unloaded after ten minutes without a question.</p>
    <//>
    <${Section} title="Found on this machine" about="Ollama, LM Studio, llama.cpp and vLLM on their usual ports become providers by themselves.">
      <${List} of=${servers} what="the servers found" columns=${SERVERS} keyOf=${(/** @type {any} */ { name, node }) => `${name} ${node}`} empty=${html`<${Empty} title="None found">Start one, or add a server with a key under <a href="/models">Models</a>. Nodes look again every minute.<//>`} />
    <//>
    ${can("settings.read") && html`<${Section} title="Which model answers" about="For prompts and chats that name none."><${SettingList} only=${CHOICES} /><//>`}
  </div>`;
}
