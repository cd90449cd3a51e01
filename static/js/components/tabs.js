/** Parts of a page, each with an address of its own; what the user may not see is not there. */
import { html } from "../html.js";
import { place } from "../router.js";
import { can } from "../session.js";
/** @import { Tab } from "../routes.js" */

/** The path of the part that is shown: the address, or the first part that the user may see. @param {Tab[]} tabs */
export function shownTab(tabs) {
  const allowed = tabs.filter((tab) => can(tab.action));
  return (tabs.find((tab) => tab.path === place.value.path) ?? allowed[0] ?? tabs[0]).path;
}

/** @param {{tabs: Tab[], label: string}} props */
export const Tabs = ({ tabs, label }) => html`<nav class="page-tabs" aria-label=${label}>
  ${tabs.filter((tab) => can(tab.action)).map((tab) => html`<a href=${tab.path} aria-current=${tab.path === shownTab(tabs) ? "page" : null}>${tab.label}</a>`)}
</nav>`;
