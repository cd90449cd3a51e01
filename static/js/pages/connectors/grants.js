/** What is lent of a connector: an operation, for some times, until a moment. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { can } from "../../session.js";
import { useFurther } from "../../endless.js";
import { about } from "../../resource.js";
import { remove } from "../../components/changes.js";
import { Ago } from "../../components/clock.js";
import { openForm } from "../../components/form.js";
import { ShortJson } from "../../components/json.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Connector, ConnectorGrant } from "../../types.js" */

const MINUTE = 60;

/** @param {{connector: Connector}} props */
export function Grants({ connector }) {
  const base = `/v1/connectors/${connector.id}/grants`;
  const list = useFurther(base, about("connector."));
  const lend = () =>
    openForm({
      title: "Lend an operation",
      action: "Lend it",
      initial: { uses: 5, minutes: 30 },
      fields: [
        { name: "operation", label: "Operation", kind: "select", required: true, options: [...["read", "send", "admin"].map((mode) => ({ value: mode, label: `all that ${mode}` })), ...connector.operations.map((each) => ({ value: each.name, label: each.title }))] },
        { name: "uses", label: "Times", kind: "number", min: 1, required: true },
        { name: "minutes", label: "For minutes", kind: "number", min: 1, required: true },
        { name: "constraints", label: "Only with", kind: "json", hint: "Arguments and the values, or globs, that they are held to." },
      ],
      fieldOf: (path) => (path === "for_s" ? "minutes" : path),
      send: ({ minutes, ...rest }) => api.post(base, { ...rest, for_s: minutes * MINUTE }),
      done: list.reload,
    });
  /** Lends what is left of one. @param {ConnectorGrant} grant */
  const again = ({ operation, user_id, constraints, uses, used, until }) => api.post(base, { operation, user_id, constraints, uses: uses - used, until });
  const takeBack = (/** @type {ConnectorGrant} */ each) => attempt(() => remove(`${base}/${each.id}`, each.used < each.uses ? () => again(each) : undefined, "No longer lent", list.reload));
  const columns = [
    { head: "Operation", class: "cell-name", cell: (/** @type {ConnectorGrant} */ each) => html`<b>${each.operation}</b> ${Object.keys(each.constraints).length > 0 && html`<${ShortJson} value=${each.constraints} />`}` },
    { head: "Used", cell: (/** @type {ConnectorGrant} */ each) => `${each.used} of ${each.uses}` },
    { head: "Until", class: "col-time", cell: (/** @type {ConnectorGrant} */ each) => html`<${Ago} at=${each.until} />` },
    menuColumn((/** @type {ConnectorGrant} */ each) => rowMenu(`the grant of ${each.operation}`, [can("connectors.grant") && { label: "Take back", icon: "x", run: () => void takeBack(each) }])),
  ];
  return html`<${Section} title="Lent" about="Opens for some time what no rule allows." add=${can("connectors.grant") && "Lend an operation"} onAdd=${lend}>
    <${List} of=${list} what="the grants" columns=${columns} empty=${html`<${Empty} title="Nothing is lent">A grant lets one operation be used for some time, or so many times, without asking.<//>`} />
  <//>`;
}
