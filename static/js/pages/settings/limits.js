/** Spend limits on calls of models, and what is used of each in its present window. */
import { useEffect } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { grouped, shortId, userName } from "../../format.js";
import { can, session } from "../../session.js";
import { readStanding, standing, turnStop } from "../../standing.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { destroy as remove } from "../../components/changes.js";
import { oneProvider, oneToken, oneUser } from "../../components/choices.js";
import { Ago } from "../../components/clock.js";
import { confirmFirst } from "../../components/dialog.js";
import { openForm } from "../../components/form.js";
import { Input } from "../../components/input.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { Progress } from "../../components/progress.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { SpendLimit, Usage } from "../../types.js" */
/** @import { Field, Option } from "../../components/input.js" */

const MICROS = 1_000_000;
const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 4 });
const money = (/** @type {number} */ micros) => dollars.format(micros / MICROS);

const FIGURES = /** @type {const} */ ([
  { most: "max_requests", name: "requests", label: "requests", write: grouped },
  { most: "max_tokens", name: "tokens", label: "tokens", write: grouped },
  { most: "max_cost_micros", name: "cost_micros", label: "money", write: money },
]);
const SUBJECTS = [
  { value: "system", label: "everybody together" },
  { value: "user", label: "a user" },
  { value: "token", label: "an API token" },
  { value: "provider", label: "a model provider" },
];
/** @type {Record<string, Partial<Field>>} */
const WHOM = { user: oneUser, token: oneToken, provider: oneProvider };
const WINDOWS = ["hour", "day", "month"].map((window) => ({ value: window, label: `each ${window}` }));

/** @type {Field[]} */
const MOST = [
  { name: "max_requests", label: "Requests", kind: "number", min: 0 },
  { name: "max_tokens", label: "Tokens, read and written", kind: "number", min: 0 },
  { name: "dollars", label: "US dollars", kind: "number", min: 0, step: "any", hint: "As far as the provider’s prices are known." },
];

/** In which field of the form it is written. @param {string} path @param {Record<string, any>} values */
const fieldOf = (path, { subject_type: type }) => (path === "max_cost_micros" ? "dollars" : path === "subject_id" ? `subject_${type}` : path);

/** @param {Record<string, any>} values of the form */
const figures = ({ max_requests: requests, max_tokens: count, dollars: sum }) => ({ max_requests: requests, max_tokens: count, max_cost_micros: sum === null ? null : Math.round(sum * MICROS) });

/** @param {() => void} done */
const add = (done) =>
  openForm({
    title: "New spend limit",
    action: "Create limit",
    initial: { subject_type: "system", window: "day" },
    fields: ({ subject_type: type }) => [
      { name: "subject_type", label: "Binds", kind: "select", required: true, options: SUBJECTS },
      .../** @type {Field[]} */ (WHOM[type] ? [{ name: `subject_${type}`, label: `Which ${type}`, required: true, ...WHOM[type] }] : []),
      { name: "window", label: "Window", kind: "select", required: true, options: WINDOWS },
      ...MOST,
    ],
    fieldOf,
    send: (values) => {
      const id = values[`subject_${values.subject_type}`];
      return api.post("/v1/spend-limits", { subject_type: values.subject_type, ...(id ? { subject_id: id } : {}), window: values.window, ...figures(values) });
    },
    done,
  });

/** @param {SpendLimit} limit @param {string} name @param {() => void} done */
const edit = (limit, name, done) =>
  openForm({
    title: `Limit of ${name}`,
    action: "Save",
    initial: { ...limit, dollars: limit.max_cost_micros === null ? null : limit.max_cost_micros / MICROS },
    fields: MOST,
    fieldOf,
    send: (values, over) => api.patch(`/v1/spend-limits/${limit.id}`, figures(values), over ? undefined : limit.version),
    done,
  });

/** @param {SpendLimit} limit @param {string} name */
const destroy = (limit, name) =>
  confirmFirst({
    title: `Remove the limit of ${name}?`,
    text: html`<b>${name}</b> is no longer held to a limit each ${limit.window}.`,
    action: "Remove limit",
    run: () => remove(`/v1/spend-limits/${limit.id}`, `the limit of ${name}`, { doing: "Removing", done: "Removed" }),
  });

/** How far each figure of a limit is used up. @param {{usage: Usage}} props */
const Used = ({ usage: { limit, used, reserved } }) => html`<ul class="used">${FIGURES.filter(({ most }) => limit[most] !== null).map(({ most, name, label, write }) => {
  const [top, spent] = [limit[most] ?? 0, used[name] + reserved[name]];
  return html`<li><${Progress} part=${top ? Math.min(1, spent / top) : 1} label=${`${label} used`} /><span class="tabular">${write(spent)} of ${write(top)}${label === "money" ? "" : ` ${label}`}</span></li>`;
})}</ul>`;

/** Whom a limit binds. @param {Usage} usage */
function nameOf({ subject_name: name, subject_display_name: display, limit: { subject_type: type, subject_id: id } }) {
  if (!id) return "everybody";
  if (!name && id === session.value?.user.id) return "you"; // who may not read the names of users
  return `${type} ${type === "provider" ? id : name ? userName({ handle: name, display_name: display ?? "" }) : shortId(id)}`;
}

/** The stop of all that costs money, for those who may turn it. */
function Stop() {
  const stopped = standing.value?.stopped;
  useEffect(() => void attempt(readStanding), []);
  if (typeof stopped !== "boolean") return null;
  const hint = "Refuses, at once and for everybody, calls of models that have a price or whose server wants a key. Models on this machine still answer.";
  return html`<${Section} title="The stop switch"><div class="card form-card"><div class="form">
    <${Input} id="stop-spending" field=${{ name: "stopped", label: "Stop model spending", kind: "switch", hint }} value=${stopped} onChange=${turnStop} />
  </div></div><//>`;
}

export function Limits() {
  const query = place.value.query;
  const filters = { subject_type: query.get("subject_type") };
  const list = useEndless(filters, async (wanted) => {
    const page = await api.get("/v1/usage", wanted);
    return { ...page, items: page.items.map((/** @type {Usage} */ usage) => ({ ...usage, id: usage.limit.id })) };
  }, about("spend_limit."));
  const columns = [
    { head: "Binds", class: "cell-wrap", cell: (/** @type {Usage} */ usage) => html`<b>${nameOf(usage)}</b>` },
    { head: "Window", cell: (/** @type {Usage} */ usage) => html`each ${usage.limit.window} <span class="quiet">ends <${Ago} at=${usage.ends_at} /></span>` },
    { head: "Used", class: "cell-wrap", cell: (/** @type {Usage} */ usage) => html`<${Used} usage=${usage} />` },
    menuColumn((/** @type {Usage} */ usage) =>
      rowMenu(`the limit of ${nameOf(usage)} each ${usage.limit.window}`, [
        can("spend_limits.update") && { label: "Edit…", icon: "pencil", run: () => edit(usage.limit, nameOf(usage), list.reload) },
        can("spend_limits.delete") && { label: "Remove…", icon: "trash", danger: true, run: () => destroy(usage.limit, nameOf(usage)) },
      ]),
    ),
  ];
  return html`<${Stop} /><${Section} title="Spend limits" about="What calls of models may use. A call that would go beyond a limit is refused before it is made." add=${can("spend_limits.create") && "New limit"} onAdd=${() => add(list.reload)}>
    <div class="filters"><nav class="filter-set" aria-label="Binds">
      ${[{ value: "", label: "all" }, ...SUBJECTS].map(({ value, label }) => html`<a href=${withQuery({ subject_type: value, cursor: null })} aria-current=${value === (filters.subject_type ?? "") ? "true" : null}>${label}</a>`)}
    </nav></div>
    <${List} of=${list} what="the spend limits" columns=${columns} empty=${html`<${Empty} title="No limits yet">Models may be called as often as their providers allow.<//>`} />
  <//>`;
}
