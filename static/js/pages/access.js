/** Who may do what: users, groups, roles, bindings, rules, and why. */
import { html } from "../html.js";
import { ACCESS_TABS } from "../routes.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { Bindings } from "./access/bindings.js";
import { Groups } from "./access/groups.js";
import { Roles } from "./access/roles.js";
import { Rules } from "./access/rules.js";
import { Users } from "./access/users.js";
import { Why } from "./access/why.js";

/** @type {Record<string, () => any>} */
const PARTS = {
  "/access/users": Users,
  "/access/groups": Groups,
  "/access/roles": Roles,
  "/access/bindings": Bindings,
  "/access/rules": Rules,
  "/access/why": Why,
};

export default function AccessPage() {
  const path = shownTab(ACCESS_TABS);
  return html`<div class="page-head"><h1>Access</h1></div><${Tabs} tabs=${ACCESS_TABS} label="Access" /><${PARTS[path]} key=${path} />`;
}
