/** Groups and who is in them. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { closeInAddress, navigate, place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless, useFurther } from "../../endless.js";
import { about, useResource } from "../../resource.js";
import { change, remove } from "../../components/changes.js";
import { oneUser } from "../../components/choices.js";
import { Dialog, confirmFirst } from "../../components/dialog.js";
import { Flag } from "../../components/flag.js";
import { Form, openForm } from "../../components/form.js";
import { CREATED, List, Table, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { Section } from "../../components/section.js";
import { RowsEnd } from "../../components/rows.js";
import { Empty, Loaded } from "../../components/states.js";
import { attempt, toast } from "../../components/toast.js";
/** @import { Group, Member, Page } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** @type {Field[]} */
const FIELDS = [
  { name: "name", label: "Name", required: true },
  { name: "description", label: "Description", kind: "area" },
  { name: "external_id", label: "Id in another system", hint: "For a directory that this group is kept in step with." },
];

/** @type {Field} */
const OUTSIDE = { name: "external_id", label: "Id in another system", hint: "For a directory that its members are kept in step with." };

/** @param {Group | null} group @param {() => void} done */
const edit = (group, done) =>
  openForm({
    title: group ? `Edit ${group.name}` : "New group",
    action: group ? "Save" : "Create group",
    initial: group ?? {},
    fields: FIELDS,
    send: (values, over) => {
      const body = { ...values, external_id: values.external_id || null };
      return group ? api.patch(`/v1/groups/${group.id}`, body, over ? undefined : group.version) : api.post("/v1/groups", body);
    },
    done,
  });

/** @param {Group} group @param {() => void} done */
const destroy = (group, done) =>
  confirmFirst({
    title: `Delete ${group.name}?`,
    text: html`The group <b>${group.name}</b> is deleted. Its members lose what it gave them; they themselves stay.`,
    action: "Delete group",
    run: async () => {
      await api.remove(`/v1/groups/${group.id}`);
      toast(`${group.name} deleted`);
      done();
    },
  });

/** @param {{id: string}} props the group that the address names */
function Members({ id }) {
  const path = `/v1/groups/${encodeURIComponent(id)}`;
  const group = useResource(id, () => api.get(path), about("group."));
  const members = useFurther(`${path}/members`, about("group."), (/** @type {Member} */ member) => member.user_id);
  const [added, setAdded] = useState(0);
  const of = (/** @type {Member} */ member) => `${path}/members/${member.user_id}`;
  const set = (/** @type {Member} */ member, /** @type {boolean} */ active) => api.patch(of(member), { is_active: active });
  const take = async (/** @type {Member} */ member) => {
    const { user_id, external_id, is_active } = member;
    await api.post(`${path}/members`, { user_id, external_id, is_active });
    members.reload();
  };
  const identify = (/** @type {Member} */ member) =>
    openForm({
      title: `Id of ${member.handle} in another system`,
      action: "Save",
      initial: member,
      fields: [OUTSIDE],
      send: (values) => api.patch(of(member), { external_id: values.external_id || null }),
      done: members.reload,
    });
  const columns = [
    { head: "Member", class: "cell-name", cell: (/** @type {Member} */ member) => member.display_name || member.handle },
    { head: "Id elsewhere", class: "col-wide quiet", cell: (/** @type {Member} */ member) => member.external_id ?? "–" },
    { head: "Membership", cell: (/** @type {Member} */ member) => html`<${Flag} on=${member.is_active} yes="active" no="paused" />` },
    menuColumn((/** @type {Member} */ member) =>
      rowMenu(member.handle, [
        can("groups.update_member") && {
          label: member.is_active ? "Pause membership" : "Activate membership",
          icon: member.is_active ? "player-pause" : "player-play",
          run: () => void attempt(() => set(member, !member.is_active), member.is_active ? "Membership paused" : "Membership active", () => set(member, member.is_active).then(members.reload)).then(members.reload),
        },
        can("groups.update_member") && { label: "Id in another system…", icon: "pencil", run: () => identify(member) },
        can("groups.remove_member") && { label: "Remove from group", icon: "user-minus", danger: true, run: () => void attempt(() => remove(of(member), () => take(member), `${member.handle} removed`, members.reload)) },
      ]),
    ),
  ];
  const close = () => closeInAddress("group");
  return html`<${Dialog} title=${group.data?.name ?? "Group"} onClose=${close} wide>
    <${Loaded} of=${members} what="the members">
      ${(/** @type {Page<Member>} */ page) =>
        page.items.length ? html`<${Table} columns=${columns} rows=${page.items} label="members" of=${members} /><${RowsEnd} of=${members} />` : html`<${Empty} title="Nobody is in this group">Whoever is added gets the roles of the group at once.<//>`}
    <//>
    ${can("groups.add_member") &&
    html`<div class="dialog-add"><${Form} key=${added} action="Add" fields=${[{ name: "user_id", label: "Add a member", required: true, ...oneUser }, OUTSIDE]}
      send=${(/** @type {any} */ values) => api.post(`${path}/members`, { ...values, external_id: values.external_id || null })} done=${() => (setAdded(added + 1), void members.reload())} /></div>`}
  <//>`;
}

export function Groups() {
  const query = place.value.query;
  const [open, q] = ["group", "q"].map((name) => query.get(name));
  const list = useEndless({ q }, (wanted) => api.get("/v1/groups", wanted), about("group."));
  const setActive = (/** @type {Group} */ group) => change(`/v1/groups/${group.id}`, group, { is_active: !group.is_active }, `${group.name} ${group.is_active ? "disabled" : "enabled"}`, list.reload);
  const columns = [
    { head: "Group", sort: "name", class: "cell-name", cell: (/** @type {Group} */ group) => html`<a class="row-link" href=${withQuery({ group: group.id })}>${group.name}</a> <span class="quiet">${group.description}</span>` },
    { head: "Id elsewhere", class: "col-wide quiet", cell: (/** @type {Group} */ group) => group.external_id ?? "–" },
    { head: "State", cell: (/** @type {Group} */ group) => html`<${Flag} on=${group.is_active} yes="active" no="disabled" />` },
    CREATED,
    menuColumn((/** @type {Group} */ group) =>
      rowMenu(group.name, [
        { label: "Members", icon: "users", run: () => navigate(withQuery({ group: group.id })) },
        can("groups.update") && { label: "Edit…", icon: "pencil", run: () => edit(group, list.reload) },
        can("groups.update") && { label: group.is_active ? "Disable" : "Enable", icon: "power", run: () => void setActive(group) },
        can("groups.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(group, list.reload) },
      ]),
    ),
  ];
  return html`<${Section} title="Groups" about="What is bound to a group holds for its active members." add=${can("groups.create") && "New group"} onAdd=${() => edit(null, list.reload)}>
    <div class="filters is-end"><${SearchField} label="Search groups" /></div>
    <${List} of=${list} what="the groups" columns=${columns} empty=${html`<${Empty} title="No groups yet">A group gives many users the same roles at once.<//>`} />
    ${open && html`<${Members} id=${open} />`}
  <//>`;
}
