/** Models that prompts can be given to. */
import { html } from "../html.js";
import * as api from "../api.js";
import { useResource } from "../resource.js";
import { Table } from "../components/list.js";
import { Section } from "../components/section.js";
import { Empty, Loaded } from "../components/states.js";
/** @import { Model } from "../types.js" */

const COLUMNS = [
  { head: "Model", class: "cell-name", cell: (/** @type {Model} */ model) => html`<code>${model.id}</code>` },
  { head: "From", cell: (/** @type {Model} */ model) => model.owned_by ?? "" },
];

function Models() {
  const list = useResource("models", () => api.get("/v1/models"));
  return html`<${Section} title="Models" about="What a prompt can be given to; the first is the default.">
    <div class="card list-card"><${Loaded} of=${list} what="the models">
      ${(/** @type {{data: Model[]}} */ { data }) => (data.length ? html`<${Table} columns=${COLUMNS} rows=${data} label="models" />` : html`<${Empty} title="No models yet">Scripts and commands need none.<//>`)}
    <//></div>
  <//>`;
}

export default function ModelsPage() {
  return html`<div class="page-head"><h1>Models</h1></div><div class="sections"><${Models} /></div>`;
}
