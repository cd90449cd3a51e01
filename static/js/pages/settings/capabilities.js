/** What of the gateway is there, and how to turn on what is not. */
import { html } from "../../html.js";
import { grouped } from "../../format.js";
import * as api from "../../api.js";
import { about, useResource } from "../../resource.js";
import { Flag } from "../../components/flag.js";
import { Table } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Loaded } from "../../components/states.js";
import { Told } from "../../components/told.js";
import { measured } from "./units.js";
/** @import { Capability } from "../../types.js" */

const MOST = 6;

/** @param {Record<string, any>} value @returns {string} */
const pairs = (value) => Object.entries(value).map(([name, each]) => `${name}: ${words(each)}`).join("; ");

/** A detail in a few words. @param {any} value @returns {string} */
function words(value) {
  if (!Array.isArray(value)) return value !== null && typeof value === "object" ? pairs(value) : typeof value === "number" ? grouped(value) : String(value);
  return value.length > MOST ? `${value.slice(0, MOST).join(", ")} and ${value.length - MOST} more` : value.join(", ");
}

/** One detail. @param {string} name @param {any} value */
function detail(name, value) {
  const { what, said } = measured(name, value) ?? { what: name, said: words(value) };
  return html`<span class="quiet">${what.replaceAll("_", " ")}</span> ${said}`;
}

/** @param {{of: Capability}} props */
function Details({ of }) {
  const told = Object.entries(of.details ?? {}).filter(([, value]) => (Array.isArray(value) ? value.length : value !== null && (typeof value !== "object" || Object.keys(value).length)));
  return html`${!of.available && html`<div>${of.reason} <span class="quiet"><${Told} text=${of.remedy} /></span></div>`}
    ${told.length > 0 && html`<div class="cell-text is-long">${told.map(([name, value], n) => html`${n > 0 && ", "}${detail(name, value)}`)}</div>`}`;
}

const COLUMNS = [
  { head: "What", class: "cell-top", cell: (/** @type {Capability} */ of) => html`<code>${of.name}</code>` },
  { head: "State", class: "cell-top", cell: (/** @type {Capability} */ of) => html`<${Flag} on=${of.available} yes="there" no="off" />` },
  { head: "More", class: "cell-wrap cell-name", cell: (/** @type {Capability} */ of) => html`<${Details} of=${of} />` },
];

export function Capabilities() {
  const found = useResource("capabilities", () => api.get("/v1/capabilities"), about("node.", "provider.", "preference.", "setting.", "recovery_kit."));
  return html`<${Section} title="What is there" about=${html`Services and features, as they are at this moment; <code>python app.py doctor</code> prints the same.`}>
    <div class="card list-card"><${Loaded} of=${found} what="what is there" rows=${8}>
      ${(/** @type {{items: Capability[]}} */ { items }) => html`<${Table} columns=${COLUMNS} rows=${items} label="capabilities" keyOf=${(/** @type {Capability} */ of) => of.name} />`}
    <//></div>
  <//>`;
}
