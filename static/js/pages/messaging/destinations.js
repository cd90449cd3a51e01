/** Destinations: how each fares, its settings by its kind, a test, and everything since a time once more. */
import { html } from "../../html.js";
import { grouped } from "../../format.js";
import * as api from "../../api.js";
import { navigate, place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { change, destroy as remove } from "../../components/changes.js";
import { Ago } from "../../components/clock.js";
import { DeliveryStatus } from "./delivery.js";
import { confirmFirst } from "../../components/dialog.js";
import { openForm } from "../../components/form.js";
import { CREATED, List, menuColumn, rowMenu } from "../../components/list.js";
import { fieldsOf, initialOf, objectOf } from "./schema-fields.js";
import { SearchField } from "../../components/search-field.js";
import { Section } from "../../components/section.js";
import { showSecret } from "../../components/secret.js";
import { Empty } from "../../components/states.js";
import { attempt, toast } from "../../components/toast.js";
/** @import { Delivery, Destination, DestinationKind } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const PREFIX = "destination_config.";
const AN_HOUR_MS = 3_600_000;

/** @type {Field[]} */
const SENDING = [
  { name: "is_ordered", label: "Keep the order", kind: "switch", hint: "No message overtakes an earlier one that still waits." },
  { name: "per_minute", label: "At most so many a minute", kind: "number", min: 1 },
];

/** @returns {Promise<DestinationKind[]>} */
const readKinds = async () => (await api.get("/v1/destinations/kinds")).items;

/** @param {DestinationKind} kind @param {boolean} isNew @returns {Field[]} */
function secretField(kind, isNew) {
  if (kind.secret === "none") return [];
  const empty = !isNew ? "Leave it empty to keep the present one. " : kind.secret === "generated" ? "Leave it empty to have one made, whsec_… " : "";
  return [{ name: "secret", label: kind.secret_title, kind: "password", required: isNew && kind.secret === "required", autocomplete: "new-password", hint: `${empty}Kept encrypted; nobody can read it again.` }];
}

/** @param {Record<string, any>} values of the form @param {boolean} isNew */
function bodyOf({ name, destination_type: type, secret, is_ordered: ordered, per_minute: rate, ...rest }, isNew) {
  const config = objectOf(rest, PREFIX);
  const given = isNew ? Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null)) : config;
  return { ...(isNew ? { destination_type: type } : {}), ...(name ? { name } : {}), destination_config: given, ...(secret ? { secret } : {}), is_ordered: ordered, per_minute: rate };
}

/** @param {Destination & {signing_secret?: string | null}} made */
function shown(made) {
  if (!made.signing_secret) return;
  showSecret({ title: `The signing secret of ${made.name}`, secret: made.signing_secret, what: "Signing secret", children: "Whoever receives the messages verifies them with it. Copy it now: it is not shown again." });
}

/** @param {Destination | null} destination @param {() => void} done */
const edit = (destination, done) =>
  attempt(async () => {
    const kinds = await readKinds();
    const kindOf = (/** @type {string} */ type) => kinds.find((kind) => kind.destination_type === type) ?? kinds[0];
    const options = kinds.map((kind) => ({ value: kind.destination_type, label: kind.available ? kind.title : `${kind.title} – not here` }));
    const defaults = Object.assign({}, ...kinds.map((kind) => initialOf(kind.config_schema, PREFIX, {})));
    openForm({
      title: destination ? `Edit ${destination.name}` : "New destination",
      action: destination ? "Save" : "Create destination",
      initial: destination ? { ...destination, ...initialOf(kindOf(destination.destination_type).config_schema, PREFIX, destination.destination_config) } : { destination_type: "webhook", ...defaults },
      fields: ({ destination_type: type }) => {
        const kind = kindOf(type);
        const reason = kind.available ? undefined : `${kind.reason} ${kind.remedy}`;
        /** @type {Field[]} */
        const first = destination ? [] : [{ name: "destination_type", label: "Kind", kind: "select", required: true, options, hint: reason }];
        return [...first, { name: "name", label: "Name", required: destination !== null, placeholder: kind.title }, ...fieldsOf(kind.config_schema, PREFIX), ...secretField(kind, !destination), ...SENDING];
      },
      send: (values, over) => (destination ? api.patch(`/v1/destinations/${destination.id}`, bodyOf(values, false), over ? undefined : destination.version) : api.post("/v1/destinations", bodyOf(values, true))),
      done: (made) => (done(), shown(made)),
    });
  });

/** @param {Destination} destination @param {() => void} done */
const rotate = (destination, done) =>
  openForm({
    title: `New signing secret for ${destination.name}`,
    action: "Create secret",
    initial: { hours: 24 },
    fields: [{ name: "hours", label: "The old one goes on signing for hours", kind: "number", min: 0, required: true, hint: "Until then messages carry both signatures." }],
    fieldOf: () => "hours",
    send: ({ hours }) => api.post(`/v1/destinations/${destination.id}/rotate`, { overlap_s: Math.round(hours * 3600) }),
    done: (made) => (done(), shown(made)),
  });

/** A time for a field of the page's own zone. @param {Date} time */
const local = (time) => new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

const WHAT = [
  { value: "undelivered", label: "what did not arrive" },
  { value: "all", label: "everything" },
];

/** @param {Destination} destination @param {() => void} done */
const sendAgain = (destination, done) =>
  openForm({
    title: `Send again to ${destination.name}`,
    action: "Send again",
    initial: { only: "undelivered", since: local(new Date(Date.parse(destination.failing_since ?? "") || Date.now() - AN_HOUR_MS)) },
    fields: [
      { name: "since", label: "Since", kind: "datetime-local", required: true },
      { name: "only", label: "What", kind: "select", required: true, options: WHAT },
    ],
    send: ({ since, only }) => api.post(`/v1/destinations/${destination.id}/redeliver`, { since: new Date(since).toISOString(), only }),
    done: ({ count }) => (done(), toast(count === 1 ? "1 message is sent again" : `${grouped(count)} messages are sent again`)),
  });

/** @param {Destination} destination */
const destroy = (destination) =>
  confirmFirst({
    title: `Delete ${destination.name}?`,
    text: html`The destination <b>${destination.name}</b> is deleted with its subscriptions, and with the record of what was sent there.`,
    action: "Delete destination",
    run: () => remove(`/v1/destinations/${destination.id}`, destination.name),
  });

/** @param {Destination} destination */
const test = (destination) =>
  attempt(async () => {
    /** @type {Delivery} */
    const tried = await api.post(`/v1/destinations/${destination.id}/test`);
    if (tried.status === "delivered") toast(`The test message to ${destination.name} arrived`);
    else toast(`${destination.name}: ${tried.status === "pending" ? "No node has sent it yet; see the deliveries." : (tried.attempts[0]?.error?.message ?? "It did not arrive.")}`, { kind: "failed" });
  });

/** @param {{of: Destination}} props */
const Health = ({ of }) => html`<${DeliveryStatus} status=${of.health} />
  ${of.health === "failing" && html` <span class="quiet">since <${Ago} at=${of.failing_since} /></span><div class="quiet cell-text" title=${of.last_error?.message}>${of.last_error?.message}</div>`}
  ${of.health === "off" && of.disabled_reason && html`<div class="quiet cell-text">${of.disabled_reason}</div>`}`;

export function Destinations() {
  const query = place.value.query;
  const filters = Object.fromEntries(["q", "is_active"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/destinations", wanted), about("destination.", "delivery."));
  const set = (/** @type {Destination} */ destination) => change(`/v1/destinations/${destination.id}`, destination, { is_active: !destination.is_active }, `${destination.name} is ${destination.is_active ? "off" : "on"}`, list.reload);
  const columns = [
    { head: "Destination", class: "cell-name", cell: (/** @type {Destination} */ destination) => html`<b>${destination.name}</b> <span class="quiet">${destination.destination_type}</span>` },
    { head: "Health", class: "cell-wrap", cell: (/** @type {Destination} */ destination) => html`<${Health} of=${destination} />` },
    { head: "Last arrival", class: "col-time", cell: (/** @type {Destination} */ destination) => (destination.last_success_at ? html`<${Ago} at=${destination.last_success_at} />` : html`<span class="quiet">never</span>`) },
    CREATED,
    menuColumn((/** @type {Destination} */ destination) =>
      rowMenu(destination.name, [
        can("destinations.test") && { label: "Send a test", icon: "send", run: () => void test(destination).then(list.reload) },
        can("destinations.update") && { label: "Edit…", icon: "pencil", run: () => void edit(destination, list.reload) },
        can("destinations.rotate") && destination.destination_type === "webhook" && { label: "New signing secret…", icon: "refresh", run: () => rotate(destination, list.reload) },
        can("deliveries.read") && { label: "What was sent", icon: "history", run: () => navigate(`/messaging/deliveries?destination_id=${destination.id}`) },
        can("destinations.redeliver") && destination.is_active && { label: "Send again since…", icon: "restore", run: () => sendAgain(destination, list.reload) },
        can("destinations.update") && { label: destination.is_active ? "Turn off" : "Turn on", icon: "power", run: () => void set(destination) },
        can("destinations.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(destination) },
      ]),
    ),
  ];
  const states = /** @type {const} */ ([["", "all"], ["true", "on"], ["false", "off"]]);
  return html`<${Section} title="Destinations" about="Places that messages go to: a webhook, a chat, a mailbox, a telephone, this desktop." add=${can("destinations.create") && "New destination"} onAdd=${() => void edit(null, list.reload)}>
    <div class="filters"><nav class="filter-set" aria-label="State">
      ${states.map(([value, label]) => html`<a href=${withQuery({ is_active: value, cursor: null })} aria-current=${value === (filters.is_active ?? "") ? "true" : null}>${label}</a>`)}
    </nav><${SearchField} label="Search destinations" /></div>
    <${List} of=${list} what="the destinations" columns=${columns} empty=${html`<${Empty} title="No destinations yet">Create one, and subscribe it to what you want to hear of.<//>`} />
  <//>`;
}
