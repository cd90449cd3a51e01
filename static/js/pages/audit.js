/** The audit record: who did what and what was decided; whether the chain holds; as a file. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { closeInAddress, place, withQuery } from "../router.js";
import { exactTime, grouped, plural } from "../format.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { useResource } from "../resource.js";
import { actions } from "../components/choices.js";
import { Ago } from "../components/clock.js";
import { Decision } from "../components/decision.js";
import { Dialog } from "../components/dialog.js";
import { FilterField } from "../components/filter-field.js";
import { Icon } from "../components/icon.js";
import { List } from "../components/list.js";
import { Empty, Loaded } from "../components/states.js";
import { Id } from "../components/copy.js";
/** @import { Option } from "../components/input.js" */
/** @import { AuditRecord, Verification } from "../types.js" */

const FILTERS = ["actor", "action", "resource", "via", "request_id", "decision", "created_after", "created_before"];

/** How callers come in. */
const WAYS = ["token", "login", "console", "mcp", "agent", "hook", "node", "system", "none"].map((value) => ({ value, label: value }));

/** @param {AuditRecord["resource"]} resource */
const named = ({ kind, id }) => (id ? `${kind}/${id}` : kind);

/** Where the page of explanations says why, as things are now. @param {AuditRecord} record */
const whyAt = ({ actor_id: user, action, resource, project_id: project }) =>
  `/access/why${api.queryString({ user, action, resource: named(resource), project })}`;

/** What was decided by policy: neither what is only recorded, nor what led to no action there is. @param {AuditRecord} record @param {Option[]} known */
const isExplained = ({ actor_id: user, action }, known) => user && known.some(({ value }) => value === action);

/** @param {{label: string, children?: any}} props */
const Fact = ({ label, children }) => html`<div><dt>${label}</dt><dd>${children}</dd></div>`;

/** @param {{id: string}} props the record that the address names */
function Details({ id }) {
  const read = useResource(id, () => api.get(`/v1/audit/${encodeURIComponent(id)}`));
  const known = useResource("actions", async () => (can("access.explain") ? actions() : [])).data ?? [];
  const none = html`<span class="quiet">none</span>`;
  return html`<${Dialog} title=${read.data ? `Record ${grouped(read.data.seq)}` : "Record"} onClose=${() => closeInAddress("record")}>
    <${Loaded} of=${read} what="the record">
      ${(/** @type {AuditRecord} */ record) => html`<dl class="facts is-record">
        <${Fact} label="Decision"><${Decision} decision=${record.decision} /> ${record.reason}<//>
        ${record.rule && html`<${Fact} label="Rule">${record.rule}<//>`}
        <${Fact} label="Time">${exactTime(record.time)}<//>
        <${Fact} label="Actor">${record.actor} <span class="quiet">by ${record.via}</span><//>
        <${Fact} label="Action"><code>${record.action}</code><//>
        <${Fact} label="Resource"><code>${named(record.resource)}</code><//>
        <${Fact} label="Roles">${record.roles.length ? record.roles.join(", ") : none}<//>
        <${Fact} label="Groups">${record.groups.length ? record.groups.join(", ") : none}<//>
        <${Fact} label="Address">${record.address ?? none}<//>
        <${Fact} label="Request">${record.request_id ? html`<a href=${`/audit${api.queryString({ request_id: record.request_id })}`} title="All that this request left"><code>${record.request_id}</code></a>` : none}<//>
        <${Fact} label="Id"><${Id} id=${record.id} what="Record id" /><//>
        <${Fact} label="Hash"><code>${record.hash}</code><//>
      </dl>
      ${isExplained(record, known) && html`<p class="dialog-links"><a href=${whyAt(record)}>Why, as things are now</a></p>`}`}
    <//>
  <//>`;
}

function Chain() {
  const [state, setState] = useState(/** @type {{busy?: boolean, found?: Verification, error?: string}} */ ({}));
  const verify = async () => {
    setState({ busy: true });
    try {
      setState({ found: await api.get("/v1/audit/verify") });
    } catch (error) {
      setState({ error: error instanceof Error ? error.message : String(error) });
    }
  };
  const { busy, found, error } = state;
  return html`<div class="chain">
    <span role="status">
      ${found?.ok && html`<span class="status is-completed"><${Icon} icon="check" />Chain verified up to record ${grouped(found.seq)}, ${plural(found.checked, "record")}</span>`}
      ${found?.first_bad && html`<span class="status is-failed"><${Icon} icon="x" />Broken at record ${grouped(found.first_bad.seq)}: ${found.first_bad.problem}. ${found.first_bad.detail}</span>`}
      ${error && html`<span class="status is-failed"><${Icon} icon="x" />${error}</span>`}
    </span>
    <button type="button" class="btn btn-sm" disabled=${busy} onClick=${verify}><${Icon} icon="shield-check" />${busy ? "Verifying…" : "Verify the chain"}</button>
  </div>`;
}

const COLUMNS = [
  { head: "Time", sort: "created_at", class: "cell-time", cell: (/** @type {AuditRecord} */ record) => html`<a class="row-link" href=${withQuery({ record: record.id })}><${Ago} at=${record.time} /></a>` },
  { head: "Decision", cell: (/** @type {AuditRecord} */ record) => html`<${Decision} decision=${record.decision} />` },
  { head: "Actor", cell: (/** @type {AuditRecord} */ record) => record.actor },
  { head: "Action", cell: (/** @type {AuditRecord} */ record) => html`<code>${record.action}</code>` },
  { head: "Resource", class: "cell-name", cell: (/** @type {AuditRecord} */ record) => html`<code title=${named(record.resource)}>${named(record.resource)}</code>` },
  { head: "Reason", class: "cell-reason col-wide quiet", cell: (/** @type {AuditRecord} */ record) => html`<span title=${record.reason}>${record.reason}</span>` },
];

export default function AuditPage() {
  const query = place.value.query;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/audit", wanted));
  const file = (/** @type {string} */ format) => `/v1/audit/export${api.queryString({ ...filters, format })}`;
  const record = query.get("record");
  return html`<div class="page-head"><h1>Audit</h1>
      <div class="actions">
        ${can("audit.export") && ["csv", "jsonl"].map((format) => html`<a class="btn btn-sm" href=${file(format)} download><${Icon} icon="download" />${format.toUpperCase()}</a>`)}
        <button type="button" class="btn btn-sm" onClick=${list.reload}><${Icon} icon="refresh" />Read again</button>
      </div></div>
    <div class="filters">
      <nav class="filter-set" aria-label="Decision">
        ${["", "allow", "deny"].map((value) => html`<a href=${withQuery({ decision: value, cursor: null })} aria-current=${value === (filters.decision ?? "") ? "true" : null}>${value || "all"}</a>`)}
      </nav>
      ${can("audit.verify") && html`<${Chain} />`}
    </div>
    <div class="filters is-fields">
      <${FilterField} name="actor" label="Actor" placeholder="handle or id" />
      <${FilterField} name="action" label="Action" placeholder="tasks.*" options=${actions} />
      <${FilterField} name="resource" label="Resource" placeholder="kind, kind/id or id" />
      <${FilterField} name="via" label="Came by" placeholder="token, login or console" options=${async () => WAYS} />
      <${FilterField} name="request_id" label="Request" placeholder="X-Request-Id" />
      <${FilterField} name="created_after" label="From" time />
      <${FilterField} name="created_before" label="Until" time />
    </div>
    <${List} of=${list} what="the audit record" columns=${COLUMNS} empty=${html`<${Empty} title="Nothing recorded yet">Every request leaves a record here: who, what, allowed or not, and why.<//>`} />
    ${record && html`<${Details} key=${record} id=${record} />`}`;
}
