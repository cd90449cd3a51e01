/** Who holds which role, and where. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { remove } from "../../components/changes.js";
import { oneGroup, oneProject, oneRole, oneUser } from "../../components/choices.js";
import { confirmFirst } from "../../components/dialog.js";
import { openForm } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
import { CREATED, List, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Binding } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const SUBJECTS = [
  { value: "user", label: "a user" },
  { value: "group", label: "a group" },
];
const EVERYWHERE = { value: "system", label: "everywhere" };
const IN_ONE = { value: "project", label: "in one project" };

/** @param {boolean} isSystem whether roles may be given for the whole system @returns {(values: Record<string, any>) => Field[]} */
const fields = (isSystem) => ({ subject_type: subject, scope_type: scope }) => [
  { name: "subject_type", label: "For", kind: "select", required: true, options: SUBJECTS },
  subject === "group"
    ? { name: "group", label: "Group", required: true, ...oneGroup, unlisted: "Write the group’s name." }
    : { name: "user", label: "User", required: true, ...oneUser, unlisted: "Write the name that they sign in with." },
  { name: "role_id", label: "Role", required: true, ...oneRole, unlisted: "Write the role’s name, such as member or viewer." },
  { name: "scope_type", label: "Where", kind: "select", required: true, options: isSystem ? [EVERYWHERE, IN_ONE] : [IN_ONE] },
  .../** @type {Field[]} */ (scope === "project" ? [{ name: "scope_id", label: "Project", required: true, ...oneProject }] : []),
];

/** @param {Pick<Binding, "subject_type" | "subject_id" | "role_id" | "scope_type" | "scope_id">} binding */
const give = ({ subject_type, subject_id, role_id, scope_type, scope_id }) => api.post("/v1/role-bindings", { subject_type, subject_id, role_id, scope_type, ...(scope_id ? { scope_id } : {}) });

/** @param {() => void} done */
async function add(done) {
  const { allowed } = await api.get("/v1/access/explain", { action: "role_bindings.create", resource: "role_bindings" });
  openForm({
    title: "Give a role",
    action: "Give role",
    initial: { subject_type: "user", scope_type: allowed ? "system" : "project" },
    fields: fields(allowed),
    fieldOf: (path, { subject_type: subject }) => (path === "subject_id" ? subject : path),
    send: ({ user, group, ...body }) => api.post("/v1/role-bindings", { ...body, subject_id: user ?? group }),
    done,
  });
}

/** @param {Binding} binding @param {() => void} done */
const destroy = (binding, done) =>
  confirmFirst({
    title: `Take ${binding.role_name} from ${binding.subject_name}?`,
    text: html`<b>${binding.subject_name}</b> loses what the role <b>${binding.role_name}</b> allowed, from the next request on.`,
    action: "Take role away",
    run: () => remove(`/v1/role-bindings/${binding.id}`, () => give(binding), `${binding.role_name} taken from ${binding.subject_name}`, done),
  });

export function Bindings() {
  const query = place.value.query;
  const [type, id] = ["subject_type", "subject_id"].map((name) => query.get(name));
  const list = useEndless({ subject_type: type, subject_id: id }, (wanted) => api.get("/v1/role-bindings", wanted), about("role_binding.", "group.", "role."));
  const columns = [
    { head: "Who", class: "cell-name", cell: (/** @type {Binding} */ binding) => html`${binding.subject_type === "group" ? html`<${Icon} icon="users" class="kind" />` : html`<${Icon} icon="user" class="kind" />`}${binding.subject_name} <span class="quiet">${binding.subject_type}</span>` },
    { head: "Role", cell: (/** @type {Binding} */ binding) => html`<b>${binding.role_name}</b>` },
    { head: "Where", cell: (/** @type {Binding} */ binding) => (binding.scope_type === "system" ? "everywhere" : html`project ${binding.scope_name ?? binding.scope_id}`) },
    CREATED,
    menuColumn((/** @type {Binding} */ binding) =>
      rowMenu(`${binding.role_name} of ${binding.subject_name}`, [can("role_bindings.delete") && { label: "Take role away…", icon: "trash", danger: true, run: () => destroy(binding, list.reload) }]),
    ),
  ];
  return html`<${Section} title="Role bindings" about="A role held everywhere or in one project, by a user or by all active members of a group." add=${can("role_bindings.create") && "Give a role"} onAdd=${() => void attempt(() => add(list.reload))}>
    <div class="filters"><nav class="filter-set" aria-label="Held by">
      ${[["", "all"], ["user", "users"], ["group", "groups"]].map(([value, label]) => html`<a href=${withQuery({ subject_type: value, cursor: null })} aria-current=${value === (type ?? "") ? "true" : null}>${label}</a>`)}
    </nav></div>
    <${List} of=${list} what="the role bindings" columns=${columns} empty=${html`<${Empty} title="Nobody holds a role yet">A binding gives a user or a group what a role allows, everywhere or in one project.<//>`} />
  <//>`;
}
