/** Roles: the built-in ones to read, own ones to change. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { remove } from "../../components/changes.js";
import { actions } from "../../components/choices.js";
import { confirmFirst } from "../../components/dialog.js";
import { openForm } from "../../components/form.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { Section } from "../../components/section.js";
/** @import { Role } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** @type {Field[]} */
const FIELDS = [
  { name: "name", label: "Name", required: true },
  { name: "description", label: "Description", kind: "area" },
  { name: "actions", label: "Actions", kind: "words", required: true, options: actions, placeholder: "tasks.read or tasks.*", hint: "Choose from the list or write a pattern; Enter adds it." },
  {
    name: "reach",
    label: "Reaches",
    kind: "select",
    required: true,
    options: [
      { value: "own", label: "what its holder owns" },
      { value: "all", label: "what anybody owns" },
    ],
  },
  { name: "own_actions", label: "Besides, on what its holder owns", kind: "words", options: actions, placeholder: "credentials.*" },
];

/** @param {Role | null} role @param {Partial<Role>} initial @param {() => void} done */
const edit = (role, initial, done) =>
  openForm({
    title: role ? `Edit ${role.name}` : "New role",
    action: role ? "Save" : "Create role",
    initial,
    fields: FIELDS,
    send: (values, over) => (role ? api.patch(`/v1/roles/${role.id}`, values, over ? undefined : role.version) : api.post("/v1/roles", values)),
    done,
  });

const tags = (/** @type {string[]} */ globs) => globs.map((glob) => html`<code class="tag">${glob}</code>`);

/** Makes a role that was there; nobody held it, or it could not have gone. @param {Role} role */
const again = ({ name, description, actions: may, own_actions, reach }) => api.post("/v1/roles", { name, description, actions: may, own_actions, reach });

/** @param {Role} role @param {() => void} done */
const destroy = (role, done) =>
  confirmFirst({
    title: `Delete ${role.name}?`,
    text: html`The role <b>${role.name}</b> is deleted.`,
    action: "Delete role",
    run: () => remove(`/v1/roles/${role.id}`, () => again(role), `${role.name} deleted`, done),
  });

export function Roles() {
  const list = useEndless({ q: place.value.query.get("q") }, (wanted) => api.get("/v1/roles", wanted), about("role."));
  const columns = [
    { head: "Role", sort: "name", class: "cell-top", cell: (/** @type {Role} */ role) => html`<b>${role.name}</b>${role.is_builtin && html` <span class="tag">built in</span>`}<div class="quiet cell-text">${role.description}</div>` },
    { head: "May", class: "cell-wrap", cell: (/** @type {Role} */ role) => html`${tags(role.actions)}${role.own_actions.length > 0 && html`<div class="quiet cell-text">and on their own: ${tags(role.own_actions)}</div>`}` },
    { head: "Reaches", cell: (/** @type {Role} */ role) => (role.reach === "all" ? "all" : "own") },
    menuColumn((/** @type {Role} */ role) =>
      rowMenu(role.name, [
        can("roles.create") && { label: "Duplicate…", icon: "copy-plus", run: () => edit(null, { ...role, name: `${role.name}-copy` }, list.reload) },
        !role.is_builtin && can("roles.update") && { label: "Edit…", icon: "pencil", run: () => edit(role, role, list.reload) },
        !role.is_builtin && can("roles.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(role, list.reload) },
      ]),
    ),
  ];
  return html`<${Section} title="Roles" about="A role allows actions; a binding gives it to somebody." add=${can("roles.create") && "New role"} onAdd=${() => edit(null, { reach: "own" }, list.reload)}>
    <div class="filters is-end"><${SearchField} label="Search roles" /></div>
    <${List} of=${list} what="the roles" columns=${columns} empty=${null} />
  <//>`;
}
