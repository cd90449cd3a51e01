/** What counts for a task, a project or a user, and where each value comes from. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { oneProject, oneTask, oneUser } from "../../components/choices.js";
import { FilterFind } from "../../components/filter-field.js";
import { Icon } from "../../components/icon.js";
import { ShortJson } from "../../components/json.js";
import { Table } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { EffectiveItem, EffectivePreferences, InvalidEntry, ScopedEntry } from "../../types.js" */

const keyOf = (/** @type {ScopedEntry} */ entry) => `${entry.key} ${entry.scope_type} ${entry.scope_id}`;
const KEY = { head: "Key", cell: (/** @type {ScopedEntry} */ entry) => html`<b>${entry.key}</b>` };
const FROM = { head: "From", cell: (/** @type {ScopedEntry} */ entry) => html`<span class="tag">${entry.scope_type}</span> ${entry.scope_name ?? ""} <span class="quiet">version ${entry.version}</span>` };
const VALUE = { head: "Value", class: "cell-name", cell: (/** @type {EffectiveItem} */ item) => html`<${ShortJson} value=${item.value} />` };
const REASON = { head: "Why", class: "cell-wrap", cell: (/** @type {InvalidEntry} */ entry) => entry.reason };

/** @param {{title: string, about: string, columns: any[], rows: any[]}} props */
const Part = ({ title, about: text, columns, rows }) =>
  rows.length > 0 && html`<section class="card panel" aria-label=${title}><header class="panel-head"><h3>${title} <span class="quiet">${text}</span></h3></header><${Table} columns=${columns} rows=${rows} keyOf=${keyOf} label=${title.toLowerCase()} /></section>`;

/** @param {{of: EffectivePreferences}} props */
const Result = ({ of }) => html`<div class="sections">
  ${of.invalid.length > 0 && html`<div class="notice" role="status"><${Icon} icon="alert-triangle" /><p>${of.invalid.length === 1 ? "One entry is" : `${of.invalid.length} entries are`} not valid and passed over.</p></div>`}
  ${of.items.length ? html`<${Part} title="Values" about="that count" columns=${[KEY, VALUE, FROM]} rows=${of.items} />` : html`<div class="card"><${Empty} title="Nothing is set">What is set for you, a group, a project or the system would count here.<//></div>`}
  <${Part} title="Invalid" about="passed over" columns=${[KEY, REASON, FROM]} rows=${of.invalid} />
  <${Part} title="Masked" about="hidden by a null" columns=${[{ ...KEY, class: "cell-name" }, FROM]} rows=${of.masked} />
  <${Part} title="Constraints" about="that tasks and tools are held against" columns=${[KEY, VALUE, FROM]} rows=${of.constraints} />
</div>`;

const WHOM = [
  { name: "task_id", label: "Task", one: oneTask },
  { name: "project_id", label: "Project", one: oneProject },
  { name: "user_id", label: "User", one: oneUser },
];

export function Effective() {
  const query = place.value.query;
  const whom = WHOM.find(({ name }) => query.has(name)) ?? WHOM.find(({ name }) => name === query.get("of"));
  const filters = { ...Object.fromEntries(WHOM.map(({ name }) => [name, query.get(name)])), key_prefix: query.get("q") };
  const read = useResource(JSON.stringify(filters), () => api.get("/v1/preferences/effective", filters), about("preference.", "group."));
  return html`<${Section} title="What counts" about="For work of yours, or of a task or project that you choose, each value with the scope that it comes from.">
    <div class="filters">
      <nav class="filter-set" aria-label="For">
        ${[{ name: null, label: "You" }, ...WHOM.filter(({ name }) => name !== "user_id" || can("users.read"))].map(({ name, label }) => html`<a href=${withQuery({ of: name, task_id: null, project_id: null, user_id: null })} aria-current=${(whom?.name ?? null) === name ? "true" : null}>${label}</a>`)}
      </nav>
      ${whom && html`<${FilterFind} key=${whom.name} name=${whom.name} label=${`Which ${whom.label.toLowerCase()}`} ...${whom.one} />`}
    </div>
    <${Loaded} of=${read} what="the preferences" rows=${6}>${(/** @type {EffectivePreferences} */ data) => html`<${Result} of=${data} />`}<//>
  <//>`;
}
