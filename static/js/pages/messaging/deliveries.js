/** Deliveries: what was sent where, every attempt, and once more. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { closeInAddress, navigate, place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about, useResource } from "../../resource.js";
import { oneDestination } from "../../components/choices.js";
import { Ago } from "../../components/clock.js";
import { Id } from "../../components/copy.js";
import { DeliveryStatus } from "./delivery.js";
import { Dialog } from "../../components/dialog.js";
import { FilterField, FilterFind } from "../../components/filter-field.js";
import { List, Table, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty, Loaded } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Attempt, Delivery } from "../../types.js" */

const STATUSES = ["", "pending", "delivered", "failed", "held", "merged"];

const ATTEMPTS = [
  { head: "Attempt", class: "is-number", cell: (/** @type {Attempt} */ one) => one.number },
  { head: "When", cell: (/** @type {Attempt} */ one) => html`<${Ago} at=${one.started_at} />` },
  { head: "Outcome", class: "cell-wrap", cell: (/** @type {Attempt} */ one) => html`<${DeliveryStatus} status=${one.status} />${one.error && html`<div class="quiet cell-text">${one.error.message}</div>`}` },
  { head: "Answer", cell: (/** @type {Attempt} */ one) => one.response_status ?? html`<span class="quiet">–</span>` },
  { head: "Took", class: "is-number", cell: (/** @type {Attempt} */ one) => `${one.latency_ms} ms` },
];

/** @param {{delivery: Delivery}} props */
const Told = ({ delivery }) => html`<div class="form">
  <p><${DeliveryStatus} status=${delivery.status} /> <${Id} id=${delivery.id} what="Delivery id" />
    ${delivery.next_attempt_at && html` <span class="quiet">next attempt <${Ago} at=${delivery.next_attempt_at} /></span>`}</p>
  ${delivery.attempts.length ? html`<${Table} columns=${ATTEMPTS} rows=${delivery.attempts} keyOf=${(/** @type {Attempt} */ one) => String(one.number)} label="attempts" />` : html`<p class="quiet">Not tried yet.</p>`}
  <section class="tester" aria-label="Event"><h3>Event</h3>
    <pre class="said" tabindex="0" aria-label="The event">${JSON.stringify(delivery.event, null, 2)}</pre></section>
</div>`;

/** Where it goes, by its name. @param {Delivery} delivery */
const nameOf = (delivery) => delivery.destination_name ?? delivery.destination_id.slice(-8);

/** @param {{id: string}} props the delivery that the address names */
function Details({ id }) {
  const read = useResource(id, () => api.get(`/v1/deliveries/${id}`), about("delivery."));
  const title = read.data ? `${read.data.event_name} to ${nameOf(read.data)}` : "Delivery";
  return html`<${Dialog} title=${title} wide onClose=${() => closeInAddress("delivery")}><${Loaded} of=${read} what="the delivery">${(/** @type {Delivery} */ delivery) => html`<${Told} delivery=${delivery} />`}<//><//>`;
}

/** @param {{of: Delivery}} props */
const Attempts = ({ of }) => {
  const [last] = of.attempts;
  if (!last) return html`<span class="quiet">none yet</span>`;
  return html`${of.attempt_count} <span class="quiet cell-short" title=${last.error?.message}>– ${last.error?.message ?? `${last.latency_ms} ms`}</span>`;
};

export function Deliveries() {
  const query = place.value.query;
  const filters = Object.fromEntries(["destination_id", "status", "event"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/deliveries", wanted), about("delivery.", "destination."));
  const again = (/** @type {Delivery} */ delivery) => attempt(() => api.post(`/v1/deliveries/${delivery.id}/redeliver`), "It is sent again").then(list.reload);
  const opened = query.get("delivery");
  const columns = [
    { head: "Event", class: "cell-name", cell: (/** @type {Delivery} */ delivery) => html`<a class="row-link" href=${withQuery({ delivery: delivery.id })}><code>${delivery.event_name}</code></a> <span class="quiet">${delivery.event.data?.name}</span>${delivery.is_digest && html` <span class="tag">digest</span>`}` },
    { head: "To", cell: nameOf },
    { head: "Status", cell: (/** @type {Delivery} */ delivery) => html`<${DeliveryStatus} status=${delivery.status} />` },
    { head: "Attempts", class: "col-wide", cell: (/** @type {Delivery} */ delivery) => html`<${Attempts} of=${delivery} />` },
    { head: "Created", sort: "created_at", class: "col-time", cell: (/** @type {Delivery} */ delivery) => html`<${Ago} at=${delivery.created_at} />` },
    menuColumn((/** @type {Delivery} */ delivery) =>
      rowMenu(delivery.event_name, [
        { label: "Attempts and event", icon: "history", run: () => navigate(withQuery({ delivery: delivery.id })) },
        can("deliveries.redeliver") && delivery.status !== "merged" && { label: "Send again", icon: "restore", run: () => void again(delivery) },
      ]),
    ),
  ];
  return html`<${Section} title="Deliveries" about="Each message with every attempt. What fails is tried again over three days.">
    <div class="filters"><nav class="filter-set" aria-label="Status">
        ${STATUSES.map((value) => html`<a href=${withQuery({ status: value, cursor: null })} aria-current=${value === (filters.status ?? "") ? "true" : null}>${value || "all"}</a>`)}
      </nav>
      <${FilterFind} name="destination_id" label="To" placeholder="all destinations" ...${oneDestination} /><${FilterField} name="event" label="Event" placeholder="all events" /></div>
    <${List} of=${list} what="the deliveries" columns=${columns} empty=${html`<${Empty} title="Nothing was sent yet">What <a href="/messaging/subscriptions">subscriptions</a> choose appears here, with every attempt.<//>`} />
    ${opened && html`<${Details} key=${opened} id=${opened} />`}
  <//>`;
}
