/** Credentials of a connector: written once, replaced, put out of force, destroyed; never shown. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { can } from "../../session.js";
import { useFurther } from "../../endless.js";
import { about } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { confirmFirst } from "../../components/dialog.js";
import { Flag } from "../../components/flag.js";
import { openForm } from "../../components/form.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { fieldsOf, valueOf } from "./schema-form.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { toast } from "../../components/toast.js";
/** @import { Connector, ConnectorCredential } from "../../types.js" */

/** @param {{connector: Connector, schema: Record<string, any>, onChange: () => void}} props */
export function Credentials({ connector, schema, onChange }) {
  const base = `/v1/connectors/${connector.id}/credentials`;
  const list = useFurther(base, about("connector.credential"));
  const changed = () => (list.reload(), onChange());
  const add = () => openForm({ title: "New credential", action: "Create credential", fields: fieldsOf(schema), send: (values) => api.post(base, { secret: valueOf(schema, values) }), done: changed });
  const rotate = (/** @type {ConnectorCredential} */ each) =>
    openForm({ title: "Replace the secret", action: "Replace secret", fields: fieldsOf(schema), send: (values) => api.post(`${base}/${each.id}/rotate`, { secret: valueOf(schema, values) }), done: () => (changed(), toast("The secret was replaced")) });
  const revoke = (/** @type {ConnectorCredential} */ each) =>
    confirmFirst({ title: "Revoke the credential?", text: html`The secret of <b>${each.name}</b> is destroyed. That it was there stays on record.`, action: "Revoke credential", run: () => api.post(`${base}/${each.id}/revoke`).then(changed) });
  const disable = (/** @type {ConnectorCredential} */ each) =>
    confirmFirst({ title: "Disable the credential?", text: html`The connector no longer signs in with <b>${each.name}</b>. Only a new secret puts it in force again.`, action: "Disable credential", run: () => api.post(`${base}/${each.id}/disable`).then(changed) });
  const columns = [
    { head: "Credential", class: "cell-name", cell: (/** @type {ConnectorCredential} */ each) => html`<b>${each.name}</b> <span class="quiet">${each.fields.join(", ")}</span>` },
    { head: "State", cell: (/** @type {ConnectorCredential} */ each) => html`<${Flag} on=${each.in_force} yes="in force" no=${each.state} />` },
    { head: "Last used", class: "col-time", cell: (/** @type {ConnectorCredential} */ each) => (each.last_used_at ? html`<${Ago} at=${each.last_used_at} />` : html`<span class="quiet">never</span>`) },
    menuColumn((/** @type {ConnectorCredential} */ each) =>
      rowMenu(each.name, can("connectors.keep_credential") && each.state !== "revoked" ? [
        { label: "Replace secret…", icon: "refresh", run: () => rotate(each) },
        each.state === "active" && { label: "Disable…", icon: "power", run: () => disable(each) },
        { label: "Revoke…", icon: "trash", danger: true, run: () => revoke(each) },
      ] : []),
    ),
  ];
  return html`<${Section} title="Credentials" about="Sealed; opened only by the node that makes a call." add=${can("connectors.keep_credential") && "New credential"} onAdd=${add}>
    <${List} of=${list} what="the credentials" columns=${columns} empty=${html`<${Empty} title="No credential yet">The connector signs in with one; it is sealed, and never shown again.<//>`} />
  <//>`;
}
