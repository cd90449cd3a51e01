/** The operations of a connector: what is allowed of each, and a form to try it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { can } from "../../session.js";
import { Dialog, closeDialog, openDialog } from "../../components/dialog.js";
import { Form } from "../../components/form.js";
import { Table } from "../../components/list.js";
import { Fields } from "../api/fields.js";
import { fieldsOf, initialOf, objectsOf, valueOf } from "./schema-form.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Connector, OperationRule } from "../../types.js" */
/** @import { Schema } from "../api/openapi.js" */

const VERDICTS = /** @type {const} */ ([["allow", "allow"], ["ask", "ask first"], ["deny", "deny"]]);

/** @param {string} verdict */
const wordsOf = (verdict) => VERDICTS.find(([value]) => value === verdict)?.[1];

/** @param {{connector: Connector, name: string, label: string, verdict: string | undefined, reload: () => void, follows?: string}} props `follows`: what counts where nothing is set */
function Switch({ connector, name, label, verdict, reload, follows }) {
  const set = (/** @type {string | undefined} */ wanted) => api.patch(`/v1/connectors/${connector.id}`, { rules: { [name]: wanted || null } }).then(reload);
  const choose = (/** @type {string} */ wanted) => void attempt(() => set(wanted), `${label}: ${wordsOf(wanted) ?? "nothing is set"}`, () => set(verdict));
  return html`<select class="form-select form-select-sm rule-switch" aria-label=${label} disabled=${!can("connectors.update")} value=${verdict ?? ""} onChange=${(/** @type {any} */ e) => choose(e.target.value)}>
    <option value="">${follows ?? "deny"}${follows ? "" : " (nothing is set)"}</option>
    ${VERDICTS.map(([value, words]) => html`<option value=${value}>${words}</option>`)}
  </select>`;
}

/** What the fields hold that are written in JSON. @param {{schema: Schema}} props */
const Objects = ({ schema }) =>
  objectsOf(schema).map(
    ({ name, label }) => html`<details class="object-fields" key=${name} open><summary>What ${label} holds</summary><${Fields} document=${schema} schema=${schema.properties[name]} sent /></details>`,
  );

/** Invokes an operation and shows what came of it. @param {{connector: Connector, operation: OperationRule}} props */
function TryIt({ connector, operation }) {
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const schema = operation.input_schema;
  const given = answer?.error ?? answer?.result;
  const last = objectsOf(schema).at(-1)?.name;
  useEffect(() => void (answer && element.current?.scrollIntoView({ block: "nearest" })), [answer]);
  return html`<${Dialog} title=${`Try ${operation.title}`} wide onClose=${closeDialog}>
    <${Form} action=${operation.mode === "read" ? "Read" : "Do it"} initial=${initialOf(schema)} fields=${fieldsOf(schema)} onCancel=${closeDialog}
      send=${(/** @type {any} */ values) => api.post(`/v1/connectors/${connector.id}/operations/${encodeURIComponent(operation.name)}`, { arguments: valueOf(schema, values) })} done=${setAnswer}
      previewAfter=${last ? [last] : []} preview=${() => last && html`<${Objects} schema=${schema} />`}>
      ${operation.description !== operation.title && html`<p class="quiet">${operation.description}</p>`}
    <//>
    <section aria-label="Answer" ref=${element}><p role="status">${answer && html`<b>${answer.status}</b>${answer.duration_ms !== null && html` <span class="quiet">in ${answer.duration_ms} ms</span>`}${answer.status === "held" && html` <a href="/connectors/pending" onClick=${closeDialog}>undo or release it</a>`}`}</p>
      ${given && html`<pre class="answer" tabindex="0" aria-label="What it answered">${JSON.stringify(given, null, 2)}</pre>`}</section>
  <//>`;
}

/** @param {{connector: Connector, reload: () => void}} props */
export function Operations({ connector, reload }) {
  const modes = ["read", "send", "admin"].filter((mode) => connector.operations.some((each) => each.mode === mode));
  const columns = [
    { head: "Operation", class: "cell-name", cell: (/** @type {OperationRule} */ each) => html`<b>${each.title}</b> <code class="quiet">${each.name}</code>` },
    { head: "Mode", cell: (/** @type {OperationRule} */ each) => html`<span class="tag">${each.mode}</span>` },
    { head: "Allowed", cell: (/** @type {OperationRule} */ each) => html`<${Switch} connector=${connector} name=${each.name} label=${`Rule for ${each.title}`} verdict=${connector.rules[each.name]} follows=${`as ${each.mode}: ${connector.rules[each.mode] ?? "deny"}`} reload=${reload} />` },
    { head: "", class: "cell-actions", cell: (/** @type {OperationRule} */ each) => can(`connectors.${each.mode}_op`) && html`<button type="button" class="btn btn-sm" aria-label=${`Try ${each.title}`} disabled=${!connector.enabled} onClick=${() => openDialog(html`<${TryIt} key=${each.name} connector=${connector} operation=${each} />`)}>Try…</button>` },
  ];
  return html`<${Section} title="Operations" about="What is not allowed is denied. A rule for one operation counts before the rule for its mode.">
    ${modes.length > 0 && html`<div class="mode-rules">${modes.map((mode) => html`<label>All that ${mode === "admin" ? "administer" : mode} <${Switch} connector=${connector} name=${mode} label=${`Rule for all that ${mode}`} verdict=${connector.rules[mode]} reload=${reload} /></label>`)}</div>`}
    <div class="card list-card">${connector.operations.length ? html`<${Table} columns=${columns} rows=${connector.operations} keyOf=${(/** @type {OperationRule} */ each) => each.name} label="operations" />` : html`<${Empty} title="No operations known yet">Test the connector: its server says what it offers.<//>`}</div>
  <//>`;
}
