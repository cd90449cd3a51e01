/** What is set at one scope. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { navigate, place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { oneGroup, oneProject, oneTask, oneUser } from "../../components/choices.js";
import { Ago } from "../../components/clock.js";
import { confirmFirst } from "../../components/dialog.js";
import { FilterFind } from "../../components/filter-field.js";
import { ShortJson } from "../../components/json.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { editPreference, pathOf, removePreference } from "./editor.js";
import { History } from "./history.js";
import { WhatCounts } from "./what-counts.js";
/** @import { Preference, Scope } from "../../types.js" */

const SCOPES = [
  { type: "user", label: "yours" },
  { type: "project", label: "a project" },
  { type: "task", label: "a task" },
  { type: "group", label: "a group" },
  { type: "system", label: "the system" },
];
/** @type {Record<string, typeof oneUser>} */
const CHOICES = { project: oneProject, task: oneTask, group: oneGroup };

/** @param {Scope} scope @param {Preference} entry @param {() => void} done */
const destroy = (scope, entry, done) =>
  confirmFirst({
    title: `Delete ${entry.key}?`,
    text: html`The preference <b>${entry.key}</b> is deleted here; its history stays. What is set further away counts again.`,
    more: html`<${WhatCounts} type=${scope.type} path=${pathOf(scope, entry.key)} change=${{ is_deleted: true }} />`,
    action: "Delete preference",
    run: () => removePreference(scope, entry, done),
  });

/** @param {{scope: Scope}} props what a scope of many asks first */
const Which = ({ scope }) => html`
  ${scope.type === "user" ? can("users.read") && html`<${FilterFind} key="user" name="id" label="User" placeholder="me" ...${oneUser} />` : CHOICES[scope.type] && html`<${FilterFind} key=${scope.type} name="id" label=${`Which ${scope.type}`} ...${CHOICES[scope.type]} />`}`;

/** @param {{scope: Scope, of: import("../../resource.js").Resource<any>}} props */
function Table({ scope, of }) {
  const shared = scope.type === "group" || scope.type === "system" ? "_shared" : "";
  const columns = [
    { head: "Key", cell: (/** @type {Preference} */ entry) => html`<a class="row-link" href=${withQuery({ history: entry.key })} title="History">${entry.key}</a>` },
    { head: "Value", class: "cell-name", cell: (/** @type {Preference} */ entry) => (entry.value === null ? html`<span class="tag">null</span> <span class="quiet">hides what is further away</span>` : html`<${ShortJson} value=${entry.value} />`) },
    { head: "Version", class: "is-number", cell: (/** @type {Preference} */ entry) => entry.version },
    { head: "Changed", class: "col-time", cell: (/** @type {Preference} */ entry) => html`<${Ago} at=${entry.updated_at} /> <span class="quiet">by ${entry.updated_by}</span>` },
    menuColumn((/** @type {Preference} */ entry) =>
      rowMenu(entry.key, [
        can(`preferences.write${shared}`) && { label: "Edit…", icon: "pencil", run: () => editPreference(scope, entry, of.reload) },
        { label: "History", icon: "history", run: () => navigate(withQuery({ history: entry.key })) },
        can(`preferences.delete${shared}`) && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(scope, entry, of.reload) },
      ]),
    ),
  ];
  return html`<${List} of=${of} what="the preferences" columns=${columns} empty=${html`<${Empty} title="Nothing is set here">A preference says how work is done: in which language, with which tools, within which limits. What is set further out holds.<//>`} />`;
}

export function Entries() {
  const query = place.value.query;
  const [history, q] = ["history", "q"].map((name) => query.get(name));
  /** @type {Scope} */
  const scope = { type: query.get("scope") ?? "user", id: query.get("id") ?? "" };
  const isWhole = Boolean(scope.id || scope.type === "system" || scope.type === "user");
  const filters = { scope_type: scope.type, scope_id: scope.id || "-", key_prefix: q };
  const list = useEndless(filters, async (wanted) => (isWhole ? await api.get("/v1/preferences", wanted) : { items: [], next_cursor: null }), about("preference."));
  const shared = scope.type === "group" || scope.type === "system" ? "_shared" : "";
  return html`<${Section} title="What is set" about="A task goes before its project, the project before the user, the user before groups, groups before the system." add=${isWhole && can(`preferences.write${shared}`) && "New preference"} onAdd=${() => editPreference(scope, null, list.reload)}>
    <div class="filters">
      <nav class="filter-set" aria-label="Scope">${SCOPES.map(({ type, label }) => html`<a href=${withQuery({ scope: type, id: null, cursor: null, history: null })} aria-current=${type === scope.type ? "true" : null}>${label}</a>`)}</nav>
      <${Which} scope=${scope} /><${SearchField} label="Keys that begin with" />
    </div>
    ${isWhole ? html`<${Table} scope=${scope} of=${list} />` : html`<div class="card"><${Empty} title=${`Choose a ${scope.type}`} /></div>`}
    ${history && html`<${History} scope=${scope} name=${history} />`}
  <//>`;
}
