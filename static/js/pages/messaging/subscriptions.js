/** Subscriptions: which events go where; while one is written, what would have matched and what would be said. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { duration, sentence } from "../../format.js";
import { place } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { remove } from "../../components/changes.js";
import { eventPatterns, oneDestination, oneProject } from "../../components/choices.js";
import { Ago } from "../../components/clock.js";
import { confirmFirst } from "../../components/dialog.js";
import { FilterFind } from "../../components/filter-field.js";
import { openForm } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
import { CREATED, List, menuColumn, rowMenu } from "../../components/list.js";
import { ProjectName } from "../../components/named.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Subscription, SubscriptionTried } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const WAIT_MS = 350;
const SHOWN = 5;
const GRAVE = [
  { value: "", label: "any" },
  { value: "warning", label: "at least a warning" },
  { value: "error", label: "errors only" },
];

/** @type {Field[]} */
const FIELDS = [
  { name: "event_pattern", label: "Events", required: true, code: true, placeholder: "task.*", options: eventPatterns, hint: "A name, or a pattern: * is one part, ** any number." },
  { name: "min_severity", label: "Severity", kind: "select", options: GRAVE },
  { name: "project_id", label: "Of the project", ...oneProject },
  { name: "tags", label: "With all these tags", kind: "words" },
  { name: "digest_s", label: "One message for all of so many seconds", kind: "number", min: 10, hint: "Without it, each event is a message. 3600 sends one on the hour." },
  { name: "template", label: "What is said", kind: "area", code: true, placeholder: "{{ event.data.name }} failed", hint: "Jinja over event, title and severity; in a digest events and count. Without one, the usual text." },
];

/** @param {Record<string, any>} values of the form */
function wishOf({ event_pattern: pattern, min_severity: severity, project_id: project, tags, digest_s: digest, template }) {
  const filter = { ...(severity ? { min_severity: severity } : {}), ...(project ? { project_id: project } : {}), ...(tags?.length ? { tags } : {}) };
  return { event_pattern: pattern, filter: Object.keys(filter).length ? filter : null, digest_s: digest ? Number(digest) : null, template: template || null };
}

/** @param {{values: Record<string, any>}} props */
function Tester({ values }) {
  const wish = JSON.stringify(wishOf(values));
  const [tried, setTried] = useState(/** @type {{of: SubscriptionTried | null, problem: string}} */ ({ of: null, problem: "" }));
  useEffect(() => {
    let current = true;
    const timer = setTimeout(async () => {
      if (!values.event_pattern) return setTried({ of: null, problem: "" });
      try {
        const found = await api.post("/v1/subscriptions/preview", JSON.parse(wish));
        if (current) setTried({ of: found, problem: found.problem ?? "" });
      } catch (error) {
        if (!(error instanceof api.ApiError)) throw error;
        // The form says which field that is when it is sent.
        if (current) setTried({ of: null, problem: error.errors.length ? error.errors.map(({ message }) => sentence(message)).join(" ") : error.message });
      }
    }, WAIT_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [wish]);
  const { of, problem } = tried;
  return html`<section class="tester" aria-label="What would have come" aria-live="polite">
    <h3>What would have come</h3>
    ${problem && html`<p class="form-refused">${problem}</p>`}
    ${of && html`<p>${of.matched} of the last ${of.looked_at} events match.</p>
      ${of.events.length > 0 && html`<ul>${of.events.slice(0, SHOWN).map((event) => html`<li key=${event.seq}><code>${event.name}</code> <span class="quiet">${event.data?.name} <${Ago} at=${event.time} /></span></li>`)}</ul>`}
      ${of.message && html`<p><b>${of.message.title}</b></p><pre class="said" tabindex="0" aria-label="The message">${of.message.text}</pre>`}`}
    ${!of && !problem && html`<p class="quiet">Name some events.</p>`}
  </section>`;
}

/** @param {Subscription | null} subscription @param {() => void} done */
const edit = (subscription, done) =>
  openForm({
    title: subscription ? `Edit the subscription to ${subscription.event_pattern}` : "New subscription",
    action: subscription ? "Save" : "Subscribe",
    wide: true,
    initial: subscription ? { ...subscription, ...subscription.filter } : { destination_id: place.value.query.get("destination_id") ?? "" },
    fields: subscription ? FIELDS : [/** @type {Field} */ ({ name: "destination_id", label: "Send to", required: true, ...oneDestination }), ...FIELDS],
    previewAfter: ["tags"],
    preview: (values) => html`<${Tester} values=${values} />`,
    send: (values, over) => {
      const wish = wishOf(values);
      if (!subscription) return api.post("/v1/subscriptions", { destination_id: values.destination_id, ...wish });
      const cleared = { project_id: null, min_severity: null, tags: [] };
      return api.patch(`/v1/subscriptions/${subscription.id}`, { ...wish, filter: { ...cleared, ...wish.filter } }, over ? undefined : subscription.version);
    },
    done,
  });

/** Has what a token subscribed to go on without the token. @param {Subscription} subscription @param {() => void} done */
const takeOver = ({ id, event_pattern: pattern, version }, done) => attempt(() => api.patch(`/v1/subscriptions/${id}`, { event_pattern: pattern }, version), `The subscription to ${pattern} is yours`).then(done);

/** Makes a subscription that was there. @param {Subscription} subscription */
const again = ({ destination_id, event_pattern, filter, template, digest_s }) => api.post("/v1/subscriptions", { destination_id, event_pattern, filter, template, digest_s });

/** @param {Subscription} subscription @param {string} to @param {() => void} done */
const destroy = (subscription, to, done) =>
  confirmFirst({
    title: `End the subscription to ${subscription.event_pattern}?`,
    text: html`<b>${to}</b> is no longer told of <code>${subscription.event_pattern}</code>. What waits already still goes out.`,
    action: "End subscription",
    run: () => remove(`/v1/subscriptions/${subscription.id}`, () => again(subscription), "Subscription ended", done),
  });

/** Where it goes, by its name. @param {Subscription} subscription */
const nameOf = (subscription) => subscription.destination_name ?? subscription.destination_id.slice(-8);

/** What a subscription is narrowed to. @param {{of: Record<string, any>}} props */
function Only({ of: { tags = [], min_severity: least, project_id: project, ...rest } }) {
  const words = [...tags.map((/** @type {string} */ tag) => `tagged ${tag}`), least && `at least ${least}`, ...Object.entries(rest).map(([name, value]) => `${name} ${value.slice(-8)}`)].filter(Boolean);
  return html`${words.join(", ")}${project && html`${words.length > 0 && ", "}in <${ProjectName} id=${project} />`}`;
}

export function Subscriptions() {
  const query = place.value.query;
  const filters = { destination_id: query.get("destination_id") };
  const list = useEndless(filters, (wanted) => api.get("/v1/subscriptions", wanted), about("subscription.", "destination."));
  const columns = [
    { head: "Events", class: "cell-name", cell: (/** @type {Subscription} */ subscription) => html`<code>${subscription.event_pattern}</code>${subscription.problem && html`<p class="form-refused"><${Icon} icon="alert-circle" />${subscription.problem}</p>`}` },
    { head: "To", cell: nameOf },
    { head: "Only", class: "cell-wrap", cell: (/** @type {Subscription} */ subscription) => html`${subscription.filter ? html`<${Only} of=${subscription.filter} />` : html`<span class="quiet">all</span>`}` },
    { head: "As", cell: (/** @type {Subscription} */ subscription) => html`${subscription.digest_s ? `a digest of ${duration(subscription.digest_s)}` : "single messages"}${subscription.template && html` <span class="tag">template</span>`}` },
    CREATED,
    menuColumn((/** @type {Subscription} */ subscription) =>
      rowMenu(subscription.event_pattern, [
        Boolean(subscription.problem) && can("subscriptions.update") && { label: "Take it over", icon: "check", run: () => takeOver(subscription, list.reload) },
        can("subscriptions.update") && { label: "Edit…", icon: "pencil", run: () => edit(subscription, list.reload) },
        can("subscriptions.delete") && { label: "End…", icon: "trash", danger: true, run: () => destroy(subscription, nameOf(subscription), list.reload) },
      ]),
    ),
  ];
  return html`<${Section} title="Subscriptions" about="Which events go where. Only those that you may see are ever sent." add=${can("subscriptions.create") && "New subscription"} onAdd=${() => edit(null, list.reload)}>
    <div class="filters"><${FilterFind} name="destination_id" label="To" placeholder="all destinations" ...${oneDestination} /></div>
    <${List} of=${list} what="the subscriptions" columns=${columns} empty=${html`<${Empty} title="No subscriptions yet">A destination hears of nothing before it is subscribed.<//>`} />
  <//>`;
}
