/** Connectors: what reaches services outside, what is allowed with it, and what it did. */
import { html } from "../html.js";
import { CONNECTOR_TABS } from "../routes.js";
import { can } from "../session.js";
import { Icon } from "../components/icon.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { Catalogue } from "./connectors/catalogue.js";
import { Held } from "./connectors/held.js";
import { Installed } from "./connectors/installed.js";
import { OneConnector } from "./connectors/one.js";

/** @type {Record<string, () => any>} */
const PARTS = { "/connectors": Installed, "/connectors/catalog": Catalogue, "/connectors/pending": Held };

/** @param {{id: string}} props */
export default function ConnectorsPage({ id }) {
  if (id && !(`/connectors/${id}` in PARTS)) return html`<${OneConnector} id=${id} />`;
  const path = shownTab(CONNECTOR_TABS);
  return html`<div class="page-head"><h1>Connectors</h1>
      ${path !== "/connectors/catalog" && can("connectors.create") && html`<a class="btn btn-primary btn-sm" href="/connectors/catalog"><${Icon} icon="plus" />Install a connector</a>`}</div>
    <${Tabs} tabs=${CONNECTOR_TABS} label="Connectors" /><${PARTS[path]} key=${path} />`;
}
