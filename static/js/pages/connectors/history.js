/** What was asked of a connector, what was decided, and what came of it. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place } from "../../router.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { ShortJson } from "../../components/json.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { Status } from "../../components/status.js";
import { decide } from "./acts.js";
/** @import { Connector, ConnectorOperation } from "../../types.js" */

/** @param {ConnectorOperation} each why it is as it is */
const why = (each) => (each.error ? each.error.message : each.reason);

/** @param {{connector: Connector}} props */
export function History({ connector }) {
  const list = useEndless({ status: place.value.query.get("status") }, (wanted) => api.get(`/v1/connectors/${connector.id}/operations`, wanted), about("connector.operation"));
  const columns = [
    { head: "Operation", class: "cell-top", cell: (/** @type {ConnectorOperation} */ each) => html`<b>${each.operation}</b> <span class="quiet">by ${each.actor}</span>${each.task_id && html` <a href=${`/tasks/${each.task_id}`}>for a task</a>`}${Object.keys(each.arguments).length > 0 && html`<div><${ShortJson} value=${each.arguments} /></div>`}` },
    { head: "Outcome", class: "cell-wrap", cell: (/** @type {ConnectorOperation} */ each) => html`<${Status} status=${each.status === "denied" ? "failed" : each.status === "held" ? "waiting" : each.status === "undone" ? "canceled" : each.status} word=${each.status} /><div class="quiet cell-text">${why(each)}</div>` },
    { head: "Took", class: "col-wide", cell: (/** @type {ConnectorOperation} */ each) => (each.duration_ms === null ? "" : `${each.duration_ms} ms, ${each.request_bytes} → ${each.answer_bytes ?? 0} bytes`) },
    { head: "When", sort: "created_at", class: "col-time", cell: (/** @type {ConnectorOperation} */ each) => html`<${Ago} at=${each.created_at} />` },
    menuColumn((/** @type {ConnectorOperation} */ each) =>
      rowMenu(`${each.operation}`, each.status === "held" ? [
        { label: "Undo", icon: "x", run: () => void decide(each, "undo").then(list.reload) },
        { label: "Release", icon: "check", run: () => void decide(each, "release").then(list.reload) },
      ] : []),
    ),
  ];
  return html`<${Section} title="History" about="Everything that was asked, the denied too.">
    <${List} of=${list} what="the history" columns=${columns} empty=${html`<${Empty} title="Nothing was asked yet">Each operation that is carried out, held or refused will be listed here. Try one above.<//>`} />
  <//>`;
}
