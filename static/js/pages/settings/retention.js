/** Retention: what there is of each sort, the policies, and what each of them would free. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { grouped, plural, sentence, size } from "../../format.js";
import { useEndless } from "../../endless.js";
import { place } from "../../router.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { change, remove } from "../../components/changes.js";
import { oneProject } from "../../components/choices.js";
import { Ago } from "../../components/clock.js";
import { Dialog, closeDialog, confirmFirst, openDialog } from "../../components/dialog.js";
import { FilterFind } from "../../components/filter-field.js";
import { Flag } from "../../components/flag.js";
import { openForm } from "../../components/form.js";
import { List, Table, menuColumn, rowMenu } from "../../components/list.js";
import { Section } from "../../components/section.js";
import { Empty, Loaded } from "../../components/states.js";
import { toast } from "../../components/toast.js";
/** @import { Page, RetentionPolicy, RetentionPreview, RetentionSort } from "../../types.js" */
/** @import { Field, Option } from "../../components/input.js" */

const MB = 1_000_000;
const PAGES = /** @type {Record<string, string>} */ ({ tasks: "/tasks/" });

/** @type {Field[]} */
const LIMITS = [
  { name: "max_age_days", label: "Kept for days", kind: "number", min: 1 },
  { name: "max_count", label: "How many of the newest are kept", kind: "number", min: 0 },
  { name: "megabytes", label: "How many MB of the newest are kept", kind: "number", min: 0, step: "any" },
];

/** In which field of the form it is written. @param {string} path */
const fieldOf = (path) => (path === "max_bytes" ? "megabytes" : path);

/** @param {Record<string, any>} values of the form */
const limits = ({ max_age_days: days, max_count: count, megabytes }) => ({ max_age_days: days, max_count: count, max_bytes: megabytes === null ? null : Math.round(megabytes * MB) });

/** A policy in words. @param {RetentionPolicy} policy */
const kept = ({ max_age_days: days, max_count: count, max_bytes: bytes }) =>
  [days !== null && plural(days, "day"), count !== null && `the newest ${grouped(count)}`, bytes !== null && size(bytes)].filter(Boolean).join(", ");

/** @param {Option[]} sorts @param {string} project where it is set by default @param {() => void} done */
const add = (sorts, project, done) =>
  openForm({
    title: "New retention policy",
    action: "Create policy",
    initial: { scope_id: project, sort: "" },
    fields: [
      { name: "sort", label: "What", kind: "select", required: true, options: sorts },
      { name: "scope_id", label: "In the project", hint: "Without one in every project that has no policy of its own.", ...oneProject },
      ...LIMITS,
    ],
    fieldOf,
    send: (values) => api.post("/v1/retention-policies", { sort: values.sort, ...(values.scope_id ? { scope_type: "project", scope_id: values.scope_id } : {}), ...limits(values) }),
    done,
  });

/** @param {RetentionPolicy} policy @param {() => void} done */
const edit = (policy, done) =>
  openForm({
    title: `Retention of ${policy.sort}`,
    action: "Save",
    initial: { ...policy, megabytes: policy.max_bytes === null ? null : policy.max_bytes / MB },
    fields: LIMITS,
    fieldOf,
    send: (values, over) => api.patch(`/v1/retention-policies/${policy.id}`, limits(values), over ? undefined : policy.version),
    done,
  });

/** What a policy would purge. @param {{policy: RetentionPolicy}} props */
function DryRun({ policy }) {
  const shown = useResource(policy.id, () => api.post(`/v1/retention-policies/${policy.id}/preview`, {}));
  return html`<${Dialog} title=${`What would go of ${policy.sort}`} onClose=${closeDialog} footer=${html`<button type="button" class="btn" onClick=${closeDialog}>Close</button>`}>
    <${Loaded} of=${shown} what="the dry run" rows=${3}>${(/** @type {RetentionPreview} */ { would_go: going, examples }) =>
      going.count === 0
        ? html`<${Empty} title="Nothing would go">Everything is within the policy’s limits.<//>`
        : html`<p><b class="tabular">${grouped(going.count)}</b> with <b class="tabular">${size(going.bytes)}</b>, at rest since <${Ago} at=${going.oldest_at} /> to <${Ago} at=${going.newest_at} />. The oldest:</p>
          <${Table} label="The oldest that would go" rows=${examples} columns=${[
            { head: "Id", class: "cell-name", cell: (/** @type {any} */ { id }) => (PAGES[policy.sort] ? html`<a href=${PAGES[policy.sort] + id} onClick=${closeDialog}><code>${id}</code></a>` : html`<code>${id}</code>`) },
            { head: "At rest", cell: (/** @type {any} */ { time }) => html`<${Ago} at=${time} />` },
            { head: "Size", cell: (/** @type {any} */ { bytes }) => html`<span class="tabular">${size(bytes)}</span>` },
          ]} />`}<//>
  <//>`;
}

/** @param {RetentionPolicy} policy @param {string} where @param {() => void} done */
const purge = (policy, where, done) =>
  confirmFirst({
    title: `Purge ${policy.sort} now?`,
    text: html`What is over the policy’s limits in <b>${where}</b> is deleted for good. A dry run shows it.`,
    action: "Purge now",
    run: () => api.post(`/v1/retention-policies/${policy.id}/apply`, {}).then(() => (toast("A node purges it now"), done())),
  });

/** Makes a policy that was there. @param {RetentionPolicy} policy */
const again = ({ scope_type, scope_id, sort, max_age_days, max_count, max_bytes, enabled }) =>
  api.post("/v1/retention-policies", { scope_type, scope_id, sort, max_age_days, max_count, max_bytes, enabled });

/** @param {RetentionPolicy} policy @param {string} where @param {() => void} done */
const destroy = (policy, where, done) =>
  confirmFirst({
    title: `Remove the policy for ${policy.sort}?`,
    text: html`<b>${sentence(policy.sort)}</b> in <b>${where}</b> are no longer purged by it.`,
    action: "Remove policy",
    run: () => remove(`/v1/retention-policies/${policy.id}`, () => again(policy), "Policy removed", done),
  });

/** How many; of much about how many. @param {RetentionSort} row @param {{count: number}} amount */
const count = ({ estimated }, { count }) => (estimated ? `about ${count.toLocaleString("en-GB", { maximumSignificantDigits: 2 })}` : grouped(count));

/** What there is, and what would go of it. @param {{of: import("../../resource.js").Resource<{items: RetentionSort[]}>}} props */
const Kept = ({ of }) =>
  of.error?.status === 403
    ? html`<div class="card list-card"><${Empty} title="Choose a project">You may see what is kept in projects of yours.<//></div>`
    : html`<${List} of=${of} what="what is kept" keyOf=${(/** @type {RetentionSort} */ row) => row.sort} empty=${html`<${Empty} title="Nothing is kept">Tasks, runs, logs, artifacts and chats will be counted here.<//>`} columns=${[
        { head: "What", class: "cell-name", cell: (/** @type {RetentionSort} */ { title }) => html`<b>${title}</b>` },
        { head: "Kept", class: "is-number", cell: (/** @type {RetentionSort} */ row) => html`<span class="tabular">${count(row, row.kept)}</span>` },
        { head: "Size", class: "is-number", cell: (/** @type {RetentionSort} */ row) => html`<span class="tabular">${size(row.kept.bytes)}</span>` },
        { head: "Oldest", class: "col-time", cell: (/** @type {RetentionSort} */ row) => row.kept.oldest_at && html`<${Ago} at=${row.kept.oldest_at} />` },
        { head: "Policies would free", cell: (/** @type {RetentionSort} */ row) => (row.would_go.count ? html`<span class="tabular">${count(row, row.would_go)} · ${size(row.would_go.bytes)}</span>` : html`<span class="quiet">nothing now</span>`) },
      ]} />`;

/** A page of policies, each with the name of its project. @param {Record<string, any>} wanted */
async function readPolicies(wanted) {
  /** @type {Page<RetentionPolicy>} */
  const page = await api.get("/v1/retention-policies", wanted);
  const nameOf = (/** @type {string} */ id) => oneProject.read(id).then(({ label }) => label, () => "a project");
  return { ...page, items: await Promise.all(page.items.map(async (policy) => ({ ...policy, scope_name: policy.scope_id && (await nameOf(policy.scope_id)) }))) };
}

export function RetentionSettings() {
  const query = place.value.query;
  const project = query.get("project_id") ?? "";
  const there = useResource(`kept ${project}`, () => api.get("/v1/retention", { project_id: project || null }), about("retention.", "retention_policy."));
  const filters = { scope_id: project || null };
  const list = useEndless(filters, readPolicies, about("retention.", "retention_policy."));
  /** @type {Option[]} */
  const sorts = (there.data?.items ?? []).map((/** @type {RetentionSort} */ { sort, title }) => ({ value: sort, label: title }));
  const others = (/** @type {RetentionPolicy} */ { sort }) => list.data?.items.some((other) => other.scope_id && other.sort === sort);
  const where = (/** @type {RetentionPolicy} */ policy) => (policy.scope_id ? (policy.scope_name ?? "a project") : others(policy) ? "everywhere else" : "everywhere");
  const reload = () => (there.reload(), list.reload());
  const turn = (/** @type {RetentionPolicy} */ policy) => change(`/v1/retention-policies/${policy.id}`, policy, { enabled: !policy.enabled }, policy.enabled ? "Policy switched off" : "Policy switched on", reload);
  const columns = [
    { head: "What", class: "cell-name", cell: (/** @type {RetentionPolicy} */ policy) => html`<b>${sorts.find(({ value }) => value === policy.sort)?.label ?? sentence(policy.sort)}</b>` },
    { head: "Where", cell: where },
    { head: "Kept", class: "cell-wrap", cell: kept },
    { head: "State", cell: (/** @type {RetentionPolicy} */ policy) => html`<${Flag} on=${policy.enabled} yes="on" no="off" />` },
    { head: "Purged", class: "cell-wrap", cell: (/** @type {RetentionPolicy} */ policy) => (policy.purged_at ? html`<span class="tabular">${grouped(policy.purged_count)} · ${size(policy.purged_bytes)}</span> <span class="quiet"><${Ago} at=${policy.purged_at} /></span>` : html`<span class="quiet">nothing yet</span>`) },
    menuColumn((/** @type {RetentionPolicy} */ policy) =>
      rowMenu(`${policy.sort} ${where(policy)}`, [
        can("retention_policies.preview") && { label: "What would go…", icon: "zoom-question", run: () => openDialog(html`<${DryRun} key=${policy.id} policy=${policy} />`) },
        can("retention_policies.update") && { label: "Edit…", icon: "pencil", run: () => edit(policy, reload) },
        can("retention_policies.update") && { label: policy.enabled ? "Switch off" : "Switch on", icon: "power", run: () => void turn(policy) },
        can("retention_policies.apply") && policy.enabled && { label: "Purge now…", icon: "trash", danger: true, run: () => purge(policy, where(policy), reload) },
        can("retention_policies.delete") && { label: "Remove…", icon: "trash", danger: true, run: () => destroy(policy, where(policy), reload) },
      ]),
    ),
  ];
  return html`<div class="filters"><${FilterFind} name="project_id" label="Project" placeholder="all of them" ...${oneProject} /></div>
    <${Section} title="What is kept" about="What waits or runs never goes, nor does the audit record. Causes and effects are what “Why did this happen?” on a task’s page shows."><${Kept} of=${there} /><//>
    <${Section} title="Retention policies" about="What is over a limit goes, the oldest first. Without a policy everything is kept." add=${can("retention_policies.create") && sorts.length > 0 && "New policy"} onAdd=${() => add(sorts, project, reload)}>
      <${List} of=${list} what="the retention policies" columns=${columns} empty=${html`<${Empty} title="No policies yet">Everything is kept.<//>`} />
    <//>`;
}
