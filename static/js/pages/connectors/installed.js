/** The connectors that are installed. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { navigate, place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about, useResource } from "../../resource.js";
import { Choice } from "../../components/choice.js";
import { connectorTypes } from "../../components/choices.js";
import { Ago } from "../../components/clock.js";
import { CREATED, List, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { Empty } from "../../components/states.js";
import { State, enable, test, uninstall } from "./acts.js";
/** @import { Connector, ConnectorType } from "../../types.js" */

const STATES = /** @type {const} */ ([["", "all"], ["true", "enabled"], ["false", "disabled"]]);

/** What is allowed with a connector, in a few words. @param {Connector} connector */
function allowed(connector) {
  const count = (/** @type {string} */ verdict) => connector.operations.filter((each) => each.verdict === verdict).length;
  const [yes, asked] = [count("allow"), count("ask")];
  if (!connector.operations.length) return "no operations known yet";
  return `${yes} of ${connector.operations.length} allowed${asked ? `, ${asked} ask` : ""}`;
}

export function Installed() {
  const query = place.value.query;
  const filters = Object.fromEntries(["q", "type", "enabled"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/connectors", wanted), about("connector."));
  const types = /** @type {ConnectorType[]} */ (useResource("catalog", () => api.get("/v1/connectors/catalog")).data?.items ?? []);
  const columns = [
    { head: "Connector", class: "cell-name", cell: (/** @type {Connector} */ each) => html`<a class="row-link" href=${`/connectors/${each.id}`}>${each.name}</a> <span class="quiet">${each.type} ${each.description}</span>` },
    { head: "State", cell: (/** @type {Connector} */ each) => html`<${State} connector=${each} type=${types.find(({ type }) => type === each.type)} />` },
    { head: "Operations", class: "cell-wrap", cell: (/** @type {Connector} */ each) => html`<span class="quiet">${allowed(each)}</span>` },
    { head: "Worked last", class: "col-time", cell: (/** @type {Connector} */ each) => (each.last_ok_at ? html`<${Ago} at=${each.last_ok_at} />` : html`<span class="quiet">never</span>`) },
    CREATED,
    menuColumn((/** @type {Connector} */ each) =>
      rowMenu(each.name, [
        { label: "Open", icon: "plug-connected", run: () => navigate(`/connectors/${each.id}`) },
        can("connectors.test") && { label: "Test", icon: "refresh", run: () => void test(each).then(list.reload) },
        can(each.enabled ? "connectors.disable" : "connectors.enable") && { label: each.enabled ? "Disable" : "Enable", icon: "power", run: () => void enable(each, !each.enabled, list.reload) },
        can("connectors.delete") && { label: "Uninstall…", icon: "trash", danger: true, run: () => uninstall(each, list.reload) },
      ]),
    ),
  ];
  return html`<div class="filters"><nav class="filter-set" aria-label="State">
        ${STATES.map(([value, label]) => html`<a href=${withQuery({ enabled: value, cursor: null })} aria-current=${value === (filters.enabled ?? "") ? "true" : null}>${label}</a>`)}
      </nav><${Choice} name="type" label="Kind" none="any" options=${connectorTypes} /><${SearchField} label="Search connectors" /></div>
    <${List} of=${list} what="the connectors" columns=${columns} empty=${html`<${Empty} title="No connectors yet">Choose one from <a href="/connectors/catalog">the catalogue</a>: a mailbox, a chat, GitHub, a calendar, any interface.<//>`} />`;
}
