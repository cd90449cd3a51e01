/** Preferences: what is set at each scope, and what counts in the end. */
import { html } from "../html.js";
import { PREFERENCE_TABS } from "../routes.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { Effective } from "./preferences/effective.js";
import { Entries } from "./preferences/entries.js";

export default function PreferencesPage() {
  const path = shownTab(PREFERENCE_TABS);
  return html`<div class="page-head"><h1>Preferences</h1></div><${Tabs} tabs=${PREFERENCE_TABS} label="Preferences" />
    ${path === "/preferences/effective" ? html`<${Effective} />` : html`<${Entries} />`}`;
}
