/** Policy rules: what is allowed or denied beyond roles. */
import { html } from "../../html.js";
import { userName } from "../../format.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useEndless } from "../../endless.js";
import { about } from "../../resource.js";
import { change, remove } from "../../components/changes.js";
import { actions, oneGroup, oneRole, oneUser } from "../../components/choices.js";
import { confirmFirst } from "../../components/dialog.js";
import { Flag } from "../../components/flag.js";
import { openForm } from "../../components/form.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { SearchField } from "../../components/search-field.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { Decision } from "../../components/decision.js";
import { CONDITIONS, inWords, taken, written } from "./conditions.js";
/** @import { Rule } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const EFFECTS = [
  { value: "deny", label: "deny" },
  { value: "allow", label: "allow" },
];
const SUBJECTS = [
  { value: "everyone", label: "everyone" },
  { value: "user", label: "a user" },
  { value: "group", label: "a group" },
  { value: "role", label: "whoever holds a role" },
];
/** @type {Record<string, typeof oneUser>} */
const WHO = { user: oneUser, group: oneGroup, role: oneRole };

/** @param {Record<string, any>} values @returns {Field[]} */
const fields = ({ subject_type: type }) => [
  { name: "name", label: "Name", placeholder: "No work for guests at night" },
  { name: "effect", label: "Effect", kind: "select", required: true, options: EFFECTS, hint: "A deny beats every allow." },
  { name: "subject_type", label: "Whom", kind: "select", required: true, options: SUBJECTS },
  .../** @type {Field[]} */ (WHO[type] ? [{ name: `subject_${type}`, label: `Which ${type}`, required: true, ...WHO[type] }] : []),
  { name: "action", label: "Action", kind: "text", required: true, options: actions, placeholder: "tasks.create, tasks.* or *", code: true },
  { name: "resource", label: "Resource", required: true, code: true, hint: "* for all, a kind such as tasks, one thing as tasks/ID, or project/ID" },
  { name: "priority", label: "Priority", kind: "number", required: true, hint: "Of rules with one effect, the highest is named as the one that decided." },
  ...CONDITIONS,
  { name: "description", label: "Description", kind: "area" },
];

/** @param {Rule | null} rule @param {() => void} done */
const edit = (rule, done) =>
  openForm({
    title: rule ? `Edit ${rule.name}` : "New rule",
    action: rule ? "Save" : "Create rule",
    initial: rule
      ? { ...rule, ...written(rule.conditions), subject_type: rule.subject.type, [`subject_${rule.subject.type}`]: rule.subject.id }
      : { effect: "deny", subject_type: "everyone", resource: "*", priority: 0 },
    fields,
    fieldOf: (path, { subject_type: type }) => (path.startsWith("subject.") ? `subject_${type}` : path),
    send: ({ subject_type: type, subject_user: user, subject_group: group, subject_role: role, name, ...others }, over) => {
      const { conditions, rest } = taken(others);
      const body = { ...rest, conditions, ...(name ? { name } : {}), subject: { type, id: user ?? group ?? role ?? null } };
      return rule ? api.patch(`/v1/policy-rules/${rule.id}`, body, over ? undefined : rule.version) : api.post("/v1/policy-rules", body);
    },
    done,
  });

/** Makes a rule that was there. @param {Rule} rule */
const again = ({ name, description, effect, subject, action, resource, conditions, priority, is_enabled }) =>
  api.post("/v1/policy-rules", { name, description, effect, subject, action, resource, conditions, priority, is_enabled });

/** @param {Rule} rule @param {() => void} done */
const destroy = (rule, done) =>
  confirmFirst({
    title: `Delete ${rule.name}?`,
    text: html`The rule <b>${rule.name}</b> no longer ${rule.effect === "deny" ? "denies" : "allows"} <code>${rule.action}</code>.`,
    action: "Delete rule",
    run: () => remove(`/v1/policy-rules/${rule.id}`, () => again(rule), `${rule.name} deleted`, done),
  });

export function Rules() {
  const query = place.value.query;
  const [effect, q] = ["effect", "q"].map((name) => query.get(name));
  const list = useEndless({ effect, q }, (wanted) => api.get("/v1/policy-rules", wanted), about("policy_rule."));
  const set = (/** @type {Rule} */ rule) => change(`/v1/policy-rules/${rule.id}`, rule, { is_enabled: !rule.is_enabled }, `${rule.name} ${rule.is_enabled ? "disabled" : "enabled"}`, list.reload);
  const columns = [
    { head: "Effect", cell: (/** @type {Rule} */ rule) => html`<${Decision} decision=${rule.effect} />` },
    { head: "Rule", sort: "name", class: "cell-name", cell: (/** @type {Rule} */ rule) => html`${rule.name} <span class="quiet">${rule.description}</span>` },
    { head: "Whom", class: "cell-wrap", cell: (/** @type {Rule} */ rule) => (rule.subject.id ? `${rule.subject.type} ${rule.subject_name ? userName({ handle: rule.subject_name, display_name: rule.subject_display_name ?? "" }) : rule.subject.id.slice(-8)}` : "everyone") },
    { head: "Action", class: "cell-wrap", cell: (/** @type {Rule} */ rule) => html`<code>${rule.action}</code> <span class="quiet">on</span> <code class="cell-short" title=${rule.resource}>${rule.resource}</code><div class="quiet cell-text">${inWords(rule.conditions)}</div>` },
    { head: "Priority", class: "is-number col-wide", cell: (/** @type {Rule} */ rule) => rule.priority },
    { head: "State", cell: (/** @type {Rule} */ rule) => html`<${Flag} on=${rule.is_enabled} yes="on" no="off" />` },
    menuColumn((/** @type {Rule} */ rule) =>
      rowMenu(rule.name, [
        can("policy_rules.update") && { label: "Edit…", icon: "pencil", run: () => edit(rule, list.reload) },
        can("policy_rules.update") && { label: rule.is_enabled ? "Disable" : "Enable", icon: "power", run: () => void set(rule) },
        can("policy_rules.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(rule, list.reload) },
      ]),
    ),
  ];
  return html`<${Section} title="Policy rules" about="Without an allow from a role or a rule nothing is allowed; one deny is enough to refuse." add=${can("policy_rules.create") && "New rule"} onAdd=${() => edit(null, list.reload)}>
    <div class="filters"><nav class="filter-set" aria-label="Effect">
      ${["", "deny", "allow"].map((value) => html`<a href=${withQuery({ effect: value, cursor: null })} aria-current=${value === (effect ?? "") ? "true" : null}>${value || "all"}</a>`)}
    </nav><${SearchField} label="Search rules" /></div>
    <${List} of=${list} what="the policy rules" columns=${columns} empty=${html`<${Empty} title="No rules yet">Roles alone decide.<//>`} />
  <//>`;
}
