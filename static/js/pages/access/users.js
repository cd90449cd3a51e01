/** Accounts: making them, ending their sessions, keeping them out. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { navigate, place, withQuery } from "../../router.js";
import { exactTime, userName } from "../../format.js";
import { can, session } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { order } from "../../components/changes.js";
import { Ago } from "../../components/clock.js";
import { confirmFirst } from "../../components/dialog.js";
import { Flag } from "../../components/flag.js";
import { openForm } from "../../components/form.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { showSecret } from "../../components/secret.js";
import { Section } from "../../components/section.js";
import { attempt, toast } from "../../components/toast.js";
import { SignIns } from "./sign-ins.js";
/** @import { User } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const ROLES = ["member", "viewer", "operator", "admin"].map((role) => ({ value: role, label: role }));
const WAYS = [
  { value: "code", label: "a one-time code" },
  { value: "password", label: "a password that I set" },
];
/** @type {Field} */
const PASSWORD = { name: "password", label: "Password", kind: "password", required: true, minlength: 8, autocomplete: "new-password", hint: "8 characters or more." };

/** Makes a code to hand to a user, in place of those made before. @param {User} user */
async function handCode(user) {
  const { code, expires_at: end } = await api.post(`/v1/users/${user.id}/sign_in_code`);
  showSecret({
    title: `One-time code for ${user.handle}`,
    what: "Code",
    secret: code,
    children: html`Hand it to <b>${user.handle}</b>, who signs in with it and sets a password. It works once, until ${exactTime(end)}, and is not shown again.`,
  });
}

/** How somebody without a password comes in. @param {User} user */
const tellWay = (user) =>
  user.has_password || !can("users.reset_password") ? toast(`${user.handle} can sign in${user.has_password ? "" : " with a one-time code"}`) : void attempt(() => handCode(user));

/** @param {() => void} done */
const add = (done) =>
  openForm({
    title: "New user",
    action: "Create user",
    initial: { way: "code", role: "member" },
    fields: ({ way }) => [
      { name: "handle", label: "Name to sign in with", required: true, placeholder: "jo" },
      { name: "display_name", label: "Full name" },
      { name: "role", label: "Role", kind: "select", required: true, options: ROLES },
      { name: "way", label: "Signs in with", kind: "select", required: true, options: WAYS },
      ...(way === "password" ? [PASSWORD] : []),
    ],
    send: ({ way, display_name: name, ...body }) => api.post("/v1/users", { ...body, ...(name ? { display_name: name } : {}) }),
    done: (user) => (done(), tellWay(user)),
  });

/** @param {User} user @param {() => void} done */
const resetPassword = (user, done) =>
  openForm({
    title: `Reset the password of ${user.handle}`,
    action: "Reset password",
    fields: [PASSWORD],
    send: (body) => api.post(`/v1/users/${user.id}/reset_password`, body),
    done: () => (done(), toast(`${user.handle} has a new password`)),
  });

/** @param {User} user @param {() => void} done */
const rename = (user, done) =>
  openForm({
    title: `Edit ${user.handle}`,
    action: "Save",
    initial: user,
    fields: [{ name: "display_name", label: "Full name", required: true }],
    send: (values, over) => api.patch(`/v1/users/${user.id}`, values, over ? undefined : user.version),
    done,
  });

/** @param {User} user @param {() => void} done */
const disable = (user, done) =>
  confirmFirst({
    title: `Disable ${user.handle}?`,
    text: html`<b>${user.handle}</b> is signed out everywhere, within a second, and can't sign in. What they own stays; you can enable them again.`,
    action: "Disable user",
    run: () => order(`/v1/users/${user.id}`, { order: "disable", back: "enable" }, `${user.handle} disabled`, done),
  });

/** @param {User} user @param {() => void} done */
const revoke = (user, done) =>
  confirmFirst({
    title: `End the sessions of ${user.handle}?`,
    text: html`<b>${user.handle}</b> is signed out in every browser and program, and has to sign in again.`,
    action: "End sessions",
    run: () => api.post(`/v1/users/${user.id}/revoke_sessions`).then(() => (toast(`Sessions of ${user.handle} ended`), done())),
  });

/** Whether it is somebody else, who can sign in. @param {User} user */
const isAnother = (user) => user.is_active && user.id !== session.value?.user.id;

export function Users() {
  const query = place.value.query;
  const [q, open] = ["q", "user"].map((name) => query.get(name));
  const list = useEndless({ q }, (wanted) => api.get("/v1/users", wanted), about("user.", "role_binding."));
  const enable = (/** @type {User} */ user) => order(`/v1/users/${user.id}`, { order: "enable", back: "disable" }, `${user.handle} enabled`, list.reload);
  const mayBind = can("role_bindings.read");
  const columns = [
    { head: "User", sort: "handle", class: "cell-name", cell: (/** @type {User} */ user) => html`${userName(user)}${user.id === session.value?.user.id && html` <span class="tag">you</span>`}${user.is_system && html` <span class="tag">the gateway itself</span>`}` },
    { head: "Roles", cell: (/** @type {User} */ user) => user.roles.map((role) => html`<span class="tag">${role}</span>`) },
    { head: "State", cell: (/** @type {User} */ user) => (user.is_system ? "" : html`<${Flag} on=${user.is_active} yes="active" no="disabled" />`) },
    { head: "Created", sort: "created_at", class: "col-time", cell: (/** @type {User} */ user) => html`<${Ago} at=${user.created_at} />` },
    // The system's own user is nobody's to change.
    menuColumn((/** @type {User} */ user) =>
      !user.is_system &&
      rowMenu(user.handle, [
        can("users.update") && { label: "Edit…", icon: "pencil", run: () => rename(user, list.reload) },
        mayBind && { label: "Roles held", icon: "shield", run: () => navigate(`/access/bindings?subject_id=${user.id}`) },
        can("access.explain") && { label: "Why can, why can’t", icon: "help-circle", run: () => navigate(`/access/why?user=${user.id}`) },
        isAnother(user) && can("users.reset_password") && { label: "One-time code…", icon: "key", run: () => void attempt(() => handCode(user)) },
        can("users.reset_password") && { label: "Reset password…", icon: "lock", run: () => resetPassword(user, list.reload) },
        { label: "Sessions and tokens", icon: "devices", run: () => navigate(withQuery({ user: user.id })) },
        can("users.revoke_sessions") && { label: "End sessions…", icon: "logout", run: () => revoke(user, list.reload) },
        !user.is_active && can("users.enable") && { label: "Enable", icon: "power", run: () => void enable(user) },
        isAnother(user) && can("users.disable") && { label: "Disable…", icon: "ban", danger: true, run: () => disable(user, list.reload) },
      ]),
    ),
  ];
  return html`<${Section} title="Users" about="Accounts of this gateway. Roles come by bindings." add=${can("users.create") && "New user"} onAdd=${() => add(list.reload)}>
    <div class="filters is-end"><${SearchField} label="Search users" /></div>
    <${List} of=${list} what="the users" columns=${columns} empty=${null} />
    ${open && html`<${SignIns} key=${open} id=${open} />`}
  <//>`;
}
