/** Secrets for model providers and other services: written once, used by name, never shown. */
import { html } from "../html.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { about } from "../resource.js";
import { order } from "../components/changes.js";
import { oneProject } from "../components/choices.js";
import { Ago } from "../components/clock.js";
import { confirmFirst } from "../components/dialog.js";
import { Flag } from "../components/flag.js";
import { openForm } from "../components/form.js";
import { Icon } from "../components/icon.js";
import { CREATED, List, menuColumn, rowMenu } from "../components/list.js";
import { SearchField } from "../components/search-field.js";
import { Empty } from "../components/states.js";
import { toast } from "../components/toast.js";
/** @import { Credential } from "../types.js" */
/** @import { Field } from "../components/input.js" */

const KINDS = ["api_key", "bearer_token", "password", "other"].map((kind) => ({ value: kind, label: kind.replace("_", " ") }));

/** @type {Field} */
const SECRET = { name: "secret", label: "Secret", kind: "password", required: true, autocomplete: "new-password", hint: "Kept encrypted. Nobody can read it again, you neither." };
/** @type {Field[]} */
const DESCRIPTION = [
  { name: "name", label: "Name", required: true, placeholder: "openai" },
  { name: "description", label: "Description", kind: "area" },
];

/** @param {() => void} done */
const add = (done) =>
  openForm({
    title: "New credential",
    action: "Create credential",
    initial: { kind: "api_key" },
    fields: [...DESCRIPTION, { name: "kind", label: "Kind", kind: "select", required: true, options: KINDS }, { name: "project_id", label: "For the project", hint: "Without one for you alone.", ...oneProject }, SECRET],
    send: ({ project_id: project, ...body }) => api.post("/v1/credentials", { ...body, ...(project ? { project_id: project } : {}) }),
    done,
  });

/** @param {Credential} credential @param {() => void} done */
const edit = (credential, done) =>
  openForm({ title: `Edit ${credential.name}`, action: "Save", initial: credential, fields: DESCRIPTION, send: (values, over) => api.patch(`/v1/credentials/${credential.id}`, values, over ? undefined : credential.version), done });

/** @param {Credential} credential @param {() => void} done */
const rotate = (credential, done) =>
  openForm({
    title: `Replace the secret of ${credential.name}`,
    action: "Replace secret",
    fields: [{ ...SECRET, label: "New secret", hint: "From now on the new one is sent; the old one is gone." }],
    send: (values) => api.post(`/v1/credentials/${credential.id}/rotate`, values),
    done: () => (done(), toast(`The secret of ${credential.name} was replaced`)),
  });

/** @param {Credential} credential @param {() => void} done */
const destroy = (credential, done) =>
  confirmFirst({
    title: `Delete ${credential.name}?`,
    text: html`The secret <b>${credential.name}</b> is deleted for good. What still refers to it keeps it from being deleted.`,
    action: "Delete credential",
    run: () => api.remove(`/v1/credentials/${credential.id}`).then(() => (toast(`${credential.name} deleted`), done())),
  });

export default function CredentialsPage() {
  const query = place.value.query;
  const filters = Object.fromEntries(["q", "is_active"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/credentials", wanted), about("credential."));
  const set = (/** @type {Credential} */ credential) => order(`/v1/credentials/${credential.id}`, credential.is_active ? { order: "disable", back: "enable" } : { order: "enable", back: "disable" }, `${credential.name} ${credential.is_active ? "disabled" : "enabled"}`, list.reload);
  const columns = [
    { head: "Credential", class: "cell-name", cell: (/** @type {Credential} */ credential) => html`<b>${credential.name}</b> <span class="quiet">${credential.description}</span>` },
    { head: "Kind", cell: (/** @type {Credential} */ credential) => credential.kind.replaceAll("_", " ") },
    { head: "State", cell: (/** @type {Credential} */ credential) => html`<${Flag} on=${credential.is_active} yes="active" no="disabled" />` },
    { head: "Last used", cell: (/** @type {Credential} */ credential) => (credential.last_used_at ? html`<${Ago} at=${credential.last_used_at} />` : html`<span class="quiet">never</span>`) },
    { head: "Secret from", class: "col-wide", cell: (/** @type {Credential} */ credential) => html`<${Ago} at=${credential.rotated_at ?? credential.created_at} />` },
    CREATED,
    menuColumn((/** @type {Credential} */ credential) =>
      rowMenu(credential.name, [
        can("credentials.update") && { label: "Edit…", icon: "pencil", run: () => edit(credential, list.reload) },
        can("credentials.rotate") && { label: "Replace secret…", icon: "refresh", run: () => rotate(credential, list.reload) },
        can(credential.is_active ? "credentials.disable" : "credentials.enable") && { label: credential.is_active ? "Disable" : "Enable", icon: "power", run: () => void set(credential) },
        can("credentials.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(credential, list.reload) },
      ]),
    ),
  ];
  const states = /** @type {const} */ ([["", "all"], ["true", "active"], ["false", "disabled"]]);
  return html`<div class="page-head"><h1>Credentials</h1>
      ${can("credentials.create") && html`<button type="button" class="btn btn-primary btn-sm" onClick=${() => add(list.reload)}><${Icon} icon="plus" />New credential</button>`}</div>
    <div class="filters"><nav class="filter-set" aria-label="State">
      ${states.map(([value, label]) => html`<a href=${withQuery({ is_active: value, cursor: null })} aria-current=${value === (filters.is_active ?? "") ? "true" : null}>${label}</a>`)}
    </nav><${SearchField} label="Search credentials" /></div>
    <${List} of=${list} what="the credentials" columns=${columns} empty=${html`<${Empty} title="No credentials yet">A model provider that wants a key uses one by its name.<//>`} />`;
}
