/** The types of connectors as cards, each with its wizard: settings, then the credential. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { navigate } from "../../router.js";
import { can } from "../../session.js";
import { useResource } from "../../resource.js";
import { oneGroup, oneProject } from "../../components/choices.js";
import { openForm } from "../../components/form.js";
import { fieldsOf, initialOf, valueOf } from "./schema-form.js";
import { Loaded } from "../../components/states.js";
import { toast } from "../../components/toast.js";
/** @import { ConnectorType } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** Settings of the form are named apart from what every connector has. @param {Field[]} fields @returns {Field[]} */
const prefixed = (fields) => fields.map((field) => ({ ...field, name: `config.${field.name}` }));

/** @param {ConnectorType} type @returns {Field[]} */
const fields = (type) => [
  { name: "name", label: "Name", required: true, placeholder: type.type },
  ...prefixed(fieldsOf(type.config_schema)),
  { name: "project_id", label: "Project", ...oneProject },
  { name: "group_id", label: "Also for the group", hint: "Its members may use it; only you change it.", ...oneGroup },
];

/** What is written in the form, as the API takes it. @param {ConnectorType} type @param {Record<string, any>} values */
function bodyOf(type, { name, project_id: project, group_id: group, ...rest }) {
  const config = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key.replace(/^config\./, ""), value]));
  return { type: type.type, name, config: valueOf(type.config_schema, config), ...(project ? { project_id: project } : {}), ...(group ? { group_id: group } : {}) };
}

/** @param {ConnectorType} type */
const install = (type) =>
  openForm({
    title: `Install ${type.title}`,
    action: type.secret_schema ? "Next: credential" : "Install",
    initial: Object.fromEntries(Object.entries(initialOf(type.config_schema)).map(([name, value]) => [`config.${name}`, value])),
    fields: fields(type),
    send: (values) => api.post("/v1/connectors", bodyOf(type, values)),
    done: (made) => (type.secret_schema ? signIn(type, made) : installed(made)),
  });

/** @param {ConnectorType} type @param {{id: string, name: string}} made */
function signIn(type, made) {
  const schema = type.secret_schema ?? {};
  openForm({
    title: `Credential of ${made.name}`,
    action: "Create credential",
    children: html`<p class="quiet">Kept encrypted, opened only by the node that makes a call. ${!type.needs_secret && "It works without one, where the service asks for none."}</p>`,
    fields: fieldsOf(schema),
    send: (values) => api.post(`/v1/connectors/${made.id}/credentials`, { secret: valueOf(schema, values) }),
    cancel: "Later",
    left: () => installed(made),
    done: () => installed(made),
  });
}

/** @param {{id: string, name: string}} made */
function installed(made) {
  toast(`${made.name} is installed; nothing is allowed with it yet`);
  navigate(`/connectors/${made.id}`);
}

/** @param {{type: ConnectorType}} props */
const Card = ({ type }) => html`<li class="card connector-card">
  <h2>${type.title}</h2>
  <p>${type.summary}</p>
  <p class="quiet">${type.learns ? "Its server says what it offers." : `${type.operations.length} ${type.operations.length === 1 ? "operation" : "operations"}`}${type.happening && html`, tells <code>${type.happening}</code>`}</p>
  ${can("connectors.create") && html`<button type="button" class="btn btn-sm" aria-label=${`Install ${type.title}`} onClick=${() => install(type)}>Install…</button>`}
</li>`;

export function Catalogue() {
  const types = useResource("catalog", () => api.get("/v1/connectors/catalog"));
  return html`<${Loaded} of=${types} what="the catalogue" rows=${6}>
    ${(/** @type {{items: ConnectorType[]}} */ { items }) => html`<ul class="connector-cards" aria-label="Types of connectors">${items.map((type) => html`<${Card} key=${type.type} type=${type} />`)}</ul>`}
  <//>`;
}
