/** The interactive reference of the served OpenAPI document, signed in as the user. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { useResource } from "../resource.js";
import { useShortcuts } from "../keys.js";
import { withStyles } from "../sheet.js";
import { Icon } from "../components/icon.js";
import { Method, OperationView } from "./api/operation.js";
import { operations } from "./api/openapi.js";
import { Empty, Loaded } from "../components/states.js";
/** @import { Operation } from "./api/openapi.js" */

await withStyles("reference");

/** @param {{list: Operation[], current: Operation}} props */
function Index({ list, current }) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const shown = list.filter((one) => `${one.method} ${one.path} ${one.summary}`.toLowerCase().includes(wanted));
  const tags = [...new Set(shown.map((one) => one.tag))];
  useShortcuts([{ keys: "/", label: "Search the operations", run: () => document.getElementById("operation-search")?.focus() }]);
  const index = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const link = /** @type {HTMLElement | null} */ (index.current?.querySelector("[aria-current]"));
    if (index.current && link) index.current.scrollTop = link.offsetTop - index.current.clientHeight / 2;
  }, []);
  return html`<nav class="operation-index" aria-label="Operations" ref=${index}>
    <div class="search-field"><${Icon} icon="search" /><input id="operation-search" type="search" class="form-control form-control-sm" aria-label="Search the operations" placeholder="Search" value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} /></div>
    ${tags.map(
      (tag) => html`<h2>${tag}</h2>
        <ul>${shown.filter((one) => one.tag === tag).map((one) => html`<li><a href=${withQuery({ op: one.id })} aria-current=${one === current ? "true" : null} title=${one.path}><${Method} method=${one.method} /><span>${one.summary.replaceAll("`", "")}</span></a></li>`)}</ul>`,
    )}
    ${!shown.length && html`<p class="stale">No operation has this text.</p>`}
  </nav>`;
}

/** @param {{document: any}} props */
function Reference({ document }) {
  const list = useMemo(() => operations(document), [document]);
  const current = list.find((one) => one.id === place.value.query.get("op")) ?? list.find((one) => one.id === "post/v1/tasks") ?? list[0];
  if (!current) return html`<${Empty} title="The document describes no operation" />`;
  return html`<div class="reference"><${Index} list=${list} current=${current} /><${OperationView} document=${document} operation=${current} /></div>`;
}

export default function ApiReferencePage() {
  const read = useResource("openapi", api.openApi);
  return html`<div class="page-head"><h1>API</h1><a class="btn btn-sm" href="/openapi.json" download="openapi.json"><${Icon} icon="download" />openapi.json</a></div>
    <${Loaded} of=${read} what="the API document" rows=${8}>${(/** @type {any} */ document) => html`<${Reference} document=${document} />`}<//>`;
}
