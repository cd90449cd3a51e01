/** The operator's settings: value, default, where it comes from, what it is for. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place } from "../../router.js";
import { can } from "../../session.js";
import { sentence } from "../../format.js";
import { about, useResource } from "../../resource.js";
import { remove } from "../../components/changes.js";
import { Ago } from "../../components/clock.js";
import { openForm } from "../../components/form.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { Section } from "../../components/section.js";
import { attempt } from "../../components/toast.js";
import { measured } from "./units.js";
/** @import { Setting } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const SOURCES = { default: "default", database: "set here", configuration: "set by the configuration" };

/** @param {any} value @returns {string} a table of values as JSON, nothing as a word */
const text = (value) => (value === "" || (typeof value === "object" && !Object.keys(value ?? {}).length) ? "empty" : typeof value === "object" ? JSON.stringify(value) : String(value));

/** @param {any} value */
const written = (value) => (text(value) === "empty" ? html`<span class="quiet">empty</span>` : html`<code>${text(value)}</code>`);

/** A figure once more, in its unit. @param {string} key @param {any} value */
const inUnits = (key, value) => html`<span class="quiet">${measured(key, value)?.said}</span>`;

/** @param {Setting} setting @returns {Field} */
function fieldOf({ type, minimum, maximum, default: standard }) {
  const hint = `Default: ${text(standard)}.${minimum !== null ? ` At least ${minimum}.` : ""}${maximum !== null ? ` At most ${maximum}.` : ""}`;
  if (type === "boolean") return { name: "value", label: "On", kind: "switch", hint };
  if (type === "object") return { name: "value", label: "Value", kind: "json", required: true, hint };
  if (type === "string") return { name: "value", label: "Value", hint };
  return { name: "value", label: "Value", kind: "number", required: true, step: type === "integer" ? "1" : "any", hint };
}

/** @param {Setting} setting */
const pathOf = (setting) => `/v1/settings/${encodeURIComponent(setting.key)}`;

/** @param {Setting} setting @param {() => void} done */
const edit = (setting, done) =>
  openForm({
    title: setting.key,
    action: "Save",
    initial: setting,
    fields: [fieldOf(setting)],
    children: html`<p>${sentence(setting.description)}.${setting.needs_restart && " It takes effect at the next start."}</p>`,
    preview: ({ value }) => inUnits(setting.key, Number(value)),
    send: ({ value }) => api.put(pathOf(setting), { value, expected_version: setting.version }),
    done,
  });

/** The settings with these keys; of every key without. They are few. @param {string[]} [keys] @returns {Promise<{items: Setting[]}>} */
async function some(keys) {
  const page = await api.get("/v1/settings", { limit: 200 });
  return keys ? { items: keys.flatMap((key) => page.items.filter((/** @type {Setting} */ setting) => setting.key === key)) } : page;
}

/** Settings as rows. @param {{only?: string[], q?: string}} props `only`: the keys of those that are shown; `q`: what key or description holds */
export function SettingList({ only, q = "" }) {
  const all = useResource("settings", () => some(only), about("setting"));
  const isFound = (/** @type {Setting} */ { key, description }) => `${key} ${description}`.toLowerCase().includes(q.trim().toLowerCase());
  const list = { ...all, data: all.data && { ...all.data, items: all.data.items.filter(isFound) } };
  const reset = (/** @type {Setting} */ setting) => attempt(() => remove(pathOf(setting), () => api.put(pathOf(setting), { value: setting.value }), `${setting.key} has its default again`, list.reload));
  const columns = [
    { head: "Setting", class: "cell-top", cell: (/** @type {Setting} */ setting) => html`<b>${setting.key}</b>${setting.needs_restart && html` <span class="tag">needs a restart</span>`}<div class="quiet cell-text is-long">${sentence(setting.description)}</div>` },
    { head: "Value", class: "cell-wrap", cell: (/** @type {Setting} */ setting) => html`${written(setting.value)} ${inUnits(setting.key, setting.value)}${setting.source !== "default" && html`<div class="quiet">default ${text(setting.default)}</div>`}` },
    {
      head: "From",
      cell: (/** @type {Setting} */ setting) => html`${SOURCES[setting.source]}${setting.updated_at && html`<div class="quiet"><${Ago} at=${setting.updated_at} />${setting.updated_by && ` by ${setting.updated_by}`}</div>`}`,
    },
    menuColumn((/** @type {Setting} */ setting) =>
      rowMenu(setting.key, [
        can("settings.write") && setting.source !== "configuration" && { label: "Edit…", icon: "pencil", run: () => edit(setting, list.reload) },
        can("settings.write") && setting.source === "database" && { label: "Back to the default", icon: "restore", run: () => void reset(setting) },
      ]),
    ),
  ];
  return html`<${List} of=${list} what="the settings" columns=${columns} keyOf=${(/** @type {Setting} */ setting) => setting.key} empty=${null} />`;
}

export const GatewaySettings = () => html`<${Section} title="Gateway settings" about="They hold for everybody, at once where not said otherwise. What the configuration file or the environment sets is changed there.">
  <div class="filters is-end"><${SearchField} label="Search settings" /></div>
  <${SettingList} q=${place.value.query.get("q") ?? ""} />
<//>`;
