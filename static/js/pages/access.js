/** Who may do what, part by part. */
import { html } from "../html.js";
import { ACCESS_TABS } from "../routes.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { Users } from "./access/users.js";

/** @type {Record<string, () => any>} */
const PARTS = {
  "/access/users": Users,
};

export default function AccessPage() {
  const path = shownTab(ACCESS_TABS);
  return html`<div class="page-head"><h1>Access</h1></div><${Tabs} tabs=${ACCESS_TABS} label="Access" /><${PARTS[path]} key=${path} />`;
}
