/** One connector: how it is, what is allowed with it, its credentials, what is lent of it, and what it did. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { navigate } from "../../router.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { useTitle } from "../../title.js";
import { Ago } from "../../components/clock.js";
import { openForm } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
import { fieldsOf, valueOf } from "./schema-form.js";
import { Loaded } from "../../components/states.js";
import { State, enable, test, uninstall } from "./acts.js";
import { Credentials } from "./credentials.js";
import { Grants } from "./grants.js";
import { History } from "./history.js";
import { Operations } from "./operations.js";
/** @import { Connector, ConnectorType } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** @param {Connector} connector @param {ConnectorType} type @param {() => void} done */
const edit = (connector, type, done) =>
  openForm({
    title: `Edit ${connector.name}`,
    action: "Save",
    initial: { ...connector, ...Object.fromEntries(Object.entries(connector.config).map(([name, value]) => [`config.${name}`, value])) },
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "description", label: "Description", kind: "area" },
      { name: "hold_s", label: "Hold sends for seconds", kind: "number", min: 0, hint: "Time to undo what is sent; 0 sends at once." },
      ...fieldsOf(type.config_schema).map((field) => /** @type {Field} */ ({ ...field, name: `config.${field.name}` })),
    ],
    send: ({ name, description, hold_s: hold, ...rest }, over) => {
      const config = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key.replace(/^config\./, ""), value]));
      return api.patch(`/v1/connectors/${connector.id}`, { name, description, hold_s: hold ?? 0, config: valueOf(type.config_schema, config) }, over ? undefined : connector.version);
    },
    done,
  });

/** @param {{connector: Connector, type: ConnectorType, reload: () => void}} props */
const Head = ({ connector, type, reload }) => html`<div class="page-head"><div><h1>${connector.name}</h1>
    <p class="quiet">${type.title} · <${State} connector=${connector} type=${type} />${connector.last_ok_at && html` · worked <${Ago} at=${connector.last_ok_at} />`}</p></div>
  <div class="connector-actions">
    ${can("connectors.test") && html`<button type="button" class="btn btn-sm" onClick=${() => void test(connector).then(reload)}><${Icon} icon="plug-connected" />Test</button>`}
    ${can("connectors.update") && html`<button type="button" class="btn btn-sm" onClick=${() => edit(connector, type, reload)}><${Icon} icon="pencil" />Edit</button>`}
    ${can(connector.enabled ? "connectors.disable" : "connectors.enable") && html`<button type="button" class="btn btn-sm" onClick=${() => void enable(connector, !connector.enabled, reload)}><${Icon} icon="power" />${connector.enabled ? "Disable" : "Enable"}</button>`}
    ${can("connectors.delete") && html`<button type="button" class="btn btn-sm" onClick=${() => uninstall(connector, () => navigate("/connectors"))}><${Icon} icon="trash" />Uninstall…</button>`}
  </div></div>
  ${connector.state === "stopped" && html`<div class="problem" role="status"><${Icon} icon="alert-circle" /><p>Stopped: ${connector.stopped_reason}</p></div>`}
  ${connector.state === "ok" && connector.last_error && html`<div class="notice" role="status"><${Icon} icon="alert-triangle" /><p>The last call failed <${Ago} at=${connector.last_error.at} />: ${connector.last_error.message}</p></div>`}`;

/** @param {{id: string}} props */
export function OneConnector({ id }) {
  const read = useResource(id, async () => {
    const [connector, catalog] = await Promise.all([api.get(`/v1/connectors/${id}`), api.get("/v1/connectors/catalog")]);
    return { connector, type: catalog.items.find((/** @type {ConnectorType} */ each) => each.type === connector.type) };
  }, about("connector."));
  useTitle(read.data?.connector.name);
  return html`<nav class="crumbs quiet" aria-label="Lies in"><a href="/connectors">Connectors</a></nav><${Loaded} of=${read} what="the connector" isPage rows=${6}>
    ${(/** @type {{connector: Connector, type: ConnectorType}} */ { connector, type }) => html`<${Head} connector=${connector} type=${type} reload=${read.reload} />
      <div class="sections">
        <${Operations} connector=${connector} reload=${read.reload} />
        ${type.secret_schema && html`<${Credentials} connector=${connector} schema=${type.secret_schema} onChange=${read.reload} />`}
        <${Grants} connector=${connector} />
        <${History} connector=${connector} />
      </div>`}
  <//>`;
}
