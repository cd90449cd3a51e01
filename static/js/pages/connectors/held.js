/** What is held: its preview, and the choice to undo it or let it go. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { useEndless } from "../../endless.js";
import { about, useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { Icon } from "../../components/icon.js";
import { List } from "../../components/list.js";
import { Empty } from "../../components/states.js";
import { decide } from "./acts.js";
/** @import { ConnectorOperation } from "../../types.js" */

/** @param {{id: string}} props */
const ConnectorName = ({ id }) => useResource(id, () => api.get(`/v1/connectors/${id}`)).data?.name ?? id.slice(-8);

export function Held() {
  const list = useEndless({}, (wanted) => api.get("/v1/connectors/pending", wanted), about("connector."));
  const act = (/** @type {ConnectorOperation} */ operation, /** @type {"undo" | "release"} */ what) => void decide(operation, what).then(list.reload);
  const columns = [
    { head: "Operation", class: "cell-top", cell: (/** @type {ConnectorOperation} */ each) => html`<a class="row-link" href=${`/connectors/${each.connector_id}`}>${each.operation}</a><div class="quiet">of <${ConnectorName} id=${each.connector_id} />, by ${each.actor}</div>` },
    { head: "Preview", class: "cell-wrap", cell: (/** @type {ConnectorOperation} */ each) => html`<${Preview} values=${each.arguments} />` },
    { head: "Goes", class: "col-time", cell: (/** @type {ConnectorOperation} */ each) => (each.due_at ? html`<${Ago} at=${each.due_at} />` : html`<span class="quiet">when released</span>`) },
    { head: "", class: "cell-actions", cell: (/** @type {ConnectorOperation} */ each) => html`<div class="held-buttons"><button type="button" class="btn btn-sm" onClick=${() => act(each, "undo")}><${Icon} icon="x" />Undo</button> <button type="button" class="btn btn-sm btn-primary" onClick=${() => act(each, "release")}><${Icon} icon="check" />Release</button></div>` },
  ];
  return html`<${List} of=${list} what="the held operations" columns=${columns} empty=${html`<${Empty} title="Nothing is held">What asks first, and sends of connectors that hold them, wait here.<//>`} />`;
}

/** Arguments by name, each a line. @param {{values: Record<string, any>}} props */
const Preview = ({ values }) => html`<dl class="preview-lines">${Object.entries(values).map(([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === "string" ? value : JSON.stringify(value)}</dd></div>`)}</dl>`;
