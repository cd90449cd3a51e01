/** What came to a hook: each request as it came, what became of it, and acting on it again. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { closeInAddress, navigate, place, withQuery } from "../../router.js";
import { exactTime, plural } from "../../format.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about, useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { Dialog } from "../../components/dialog.js";
import { Flag } from "../../components/flag.js";
import { Icon } from "../../components/icon.js";
import { List } from "../../components/list.js";
import { TaskOf } from "../../components/named.js";
import { Empty, Loaded } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Hook, HookRequest } from "../../types.js" */

const OUTCOMES = ["", "accepted", "ignored", "answered", "failed", "rejected"];

/** @param {{request: HookRequest}} props */
const Outcome = ({ request: { outcome, status } }) => html`<${Flag} on=${!["failed", "rejected"].includes(outcome)} yes=${outcome} no=${outcome} bad /> <span class="quiet">${status}</span>`;

/** JSON in lines, anything else as it is. @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {{label: string, children?: any}} props */
const Fact = ({ label, children }) => html`<div><dt>${label}</dt><dd>${children}</dd></div>`;

/** @param {{hook: Hook, id: string, onChange: () => void}} props the request that the address names */
export function Inspector({ hook, id, onChange }) {
  const read = useResource(id, () => api.get(`/v1/hooks/${hook.id}/requests/${encodeURIComponent(id)}`));
  const close = () => closeInAddress("request");
  const again = () =>
    attempt(async () => {
      const made = await api.post(`/v1/hooks/${hook.id}/requests/${id}/replay`);
      onChange();
      navigate(withQuery({ request: made.id }));
    }, "Acted on again");
  const mayReplay = can("hooks.replay") && read.data && read.data.outcome !== "rejected";
  const footer = html`${mayReplay && html`<button type="button" class="btn" onClick=${again}><${Icon} icon="refresh" />Act on it again</button>`}
    <button type="button" class="btn btn-primary" onClick=${close}>Close</button>`;
  return html`<${Dialog} title="Request" wide onClose=${close} footer=${footer}>
    <${Loaded} of=${read} what="the request">
      ${(/** @type {HookRequest} */ request) => html`<dl class="facts is-record">
        <${Fact} label="Outcome"><${Outcome} request=${request} /> ${request.reason}<//>
        <${Fact} label="Time">${exactTime(request.received_at)}<//>
        <${Fact} label="From">${request.address ?? html`<span class="quiet">a try</span>`}<//>
        ${request.delivery_id && html`<${Fact} label="Delivery"><code>${request.delivery_id}</code>${request.repeats > 0 && html` <span class="quiet">came ${plural(request.repeats, "more time")}</span>`}<//>`}
        ${request.task_id && html`<${Fact} label="Task"><${TaskOf} of=${request} /><//>`}
      </dl>
      <h3>Body</h3>
      <pre class="hook-code" tabindex="0" aria-label="Body">${pretty(request.body ?? "") || "(empty)"}</pre>
      <h3>Headers</h3>
      <pre class="hook-code" tabindex="0" aria-label="Headers">${Object.entries(request.headers ?? {}).map(([name, value]) => `${name}: ${value}\n`)}</pre>
      ${request.answer && html`<h3>Answer</h3><pre class="hook-code" tabindex="0" aria-label="Answer">${JSON.stringify(request.answer, null, 2)}</pre>`}`}
    <//>
  <//>`;
}

/** @param {{hook: Hook}} props */
export function Requests({ hook }) {
  const query = place.value.query;
  const filters = { outcome: query.get("outcome") };
  const list = useEndless(filters, (wanted) => api.get(`/v1/hooks/${hook.id}/requests`, wanted), about("hook."));
  const columns = [
    { head: "Time", sort: "created_at", class: "cell-time", cell: (/** @type {HookRequest} */ request) => html`<a class="row-link" href=${withQuery({ request: request.id })}><${Ago} at=${request.received_at} /></a>` },
    { head: "Outcome", cell: (/** @type {HookRequest} */ request) => html`<${Outcome} request=${request} />` },
    { head: "Why", class: "cell-wrap", cell: (/** @type {HookRequest} */ request) => request.reason ?? (request.replay_of ? "acted on again" : "") },
    { head: "Came", cell: (/** @type {HookRequest} */ request) => (request.repeats ? `${request.repeats + 1} times` : "once") },
    { head: "From", class: "col-wide", cell: (/** @type {HookRequest} */ request) => request.address ?? html`<span class="quiet">a try</span>` },
    { head: "Task", cell: (/** @type {HookRequest} */ request) => html`<${TaskOf} of=${request} />` },
  ];
  const chosen = query.get("request");
  return html`<div class="filters"><nav class="filter-set" aria-label="Outcome">
      ${OUTCOMES.map((value) => html`<a href=${withQuery({ outcome: value, cursor: null })} aria-current=${value === (filters.outcome ?? "") ? "true" : null}>${value || "all"}</a>`)}
    </nav></div>
    <${List} of=${list} what="the requests" columns=${columns} empty=${html`<${Empty} title="Nothing came yet">Run the line of curl, or try the hook.<//>`} />
    ${chosen && html`<${Inspector} key=${chosen} hook=${hook} id=${chosen} onChange=${list.reload} />`}`;
}
