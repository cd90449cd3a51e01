/** Why somebody can or can't: the decision in words and what it rests on. The question is in the address. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { navigate, place, withQuery } from "../../router.js";
import { can, session } from "../../session.js";
import { useResource } from "../../resource.js";
import { actions, oneProject, oneToken, oneUser } from "../../components/choices.js";
import { Decision } from "../../components/decision.js";
import { Form } from "../../components/form.js";
import { Table } from "../../components/list.js";
import { ProjectName } from "../../components/named.js";
import { Section } from "../../components/section.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { Explanation, Grant, MatchingRule } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** @type {Field[]} */
const FIELDS = [
  { name: "user_id", label: "User", required: true, ...oneUser },
  { name: "token_id", label: "By API token", ...oneToken, hint: "One of yours, with its scopes; none for a login." },
  { name: "action", label: "Action", kind: "select", required: true, options: async () => (await actions()).map(({ value, label }) => ({ value, label: `${value} – ${label}` })) },
  { name: "resource", label: "Resource", code: true, required: true, hint: "* for all, a kind such as tasks, one thing as tasks/ID, or project/ID" },
  { name: "project_id", label: "In project", ...oneProject, hint: "Where a model is used, or where what is made shall lie." },
];

/** @type {Field} */
const OPERATION = { name: "operation", label: "Operation", code: true, hint: "Of the connector, as connectors/ID." };

/** @param {boolean} asksOthers @returns {(values: Record<string, any>) => Field[]} */
const fields = (asksOthers) => ({ action }) => [
  ...FIELDS.filter(({ name }) => name !== "user_id" || asksOthers),
  ...(/^connectors\..*_op$/.test(action) ? [OPERATION] : []),
];

/** What a decision rests on, where no rule is named. @type {Record<string, string>} */
const GROUNDS = {
  scope: "Decided by the scopes of the token.",
  credential: "Decided before any policy: account or token can no longer be used.",
  absence: "There is nothing to decide about.",
  connector: "Decided by the connector: its rules for the operation, or what it has lent.",
};

const where = (/** @type {Grant} */ grant) => (grant.scope_id ? html`in project <${ProjectName} id=${grant.scope_id} />` : "everywhere");
const GRANTS = [
  { head: "Role", cell: (/** @type {Grant} */ grant) => html`<b>${grant.role}</b>` },
  { head: "Held", class: "cell-wrap", cell: (/** @type {Grant} */ grant) => html`${grant.group ? `by the group ${grant.group}` : "directly"}, ${where(grant)}` },
  { head: "Reaches", cell: (/** @type {Grant} */ grant) => (grant.reach === "all" ? "what anybody owns" : "what the user owns") },
];
const RULES = [
  { head: "Effect", cell: (/** @type {MatchingRule} */ rule) => html`<${Decision} decision=${rule.effect} />` },
  { head: "Rule", class: "cell-wrap", cell: (/** @type {MatchingRule} */ rule) => rule.name },
  { head: "About", cell: (/** @type {MatchingRule} */ rule) => html`<code>${rule.action}</code> <span class="quiet">on</span> <code>${rule.resource}</code>` },
  { head: "Priority", class: "is-number", cell: (/** @type {MatchingRule} */ rule) => rule.priority },
  { head: "Holds now", cell: (/** @type {MatchingRule} */ rule) => (rule.holds ? "yes" : "no") },
];

/** @param {{of: Explanation}} props */
const Answer = ({ of }) => html`<section class="card panel why-answer" aria-label="Decision">
  <p class="why-decision" role="status"><${Decision} decision=${of.allowed ? "allow" : "deny"} large /><span>${of.reason}</span></p>
  ${of.rule && html`<p>Decided by the rule <b>${of.rule.name}</b>.</p>`}
  ${GROUNDS[of.decided_by] && html`<p>${GROUNDS[of.decided_by]}</p>`}
  <dl class="facts">
    <div><dt>Roles</dt><dd>${of.roles.length ? of.roles.map((role) => html`<span class="tag">${role}</span>`) : html`<span class="quiet">none</span>`}</dd></div>
    <div><dt>Groups</dt><dd>${of.groups.length ? of.groups.map((group) => html`<span class="tag">${group}</span>`) : html`<span class="quiet">none</span>`}</dd></div>
  </dl>
  <h3>Roles that include the action</h3>
  ${of.grants.length ? html`<${Table} columns=${GRANTS} rows=${of.grants} label="roles that include the action" keyOf=${(/** @type {Grant} */ grant) => `${grant.role} ${grant.group} ${grant.scope_id}`} />` : html`<p class="quiet">None.</p>`}
  <h3>Rules about it</h3>
  ${of.rules.length ? html`<${Table} columns=${RULES} rows=${of.rules} label="rules about it" />` : html`<p class="quiet">None.</p>`}
</section>`;

export function Why() {
  const query = place.value.query;
  const asksOthers = can("users.read");
  const token = query.get("token") ?? "";
  const asked = { user_id: token ? "" : query.get("user") ?? session.value?.user.id ?? "", token_id: token, action: query.get("action") ?? "", resource: query.get("resource") ?? "*", project_id: query.get("project") ?? "", operation: query.get("operation") ?? "" };
  const answer = useResource(JSON.stringify(asked), async () => (asked.action ? await api.get("/v1/access/explain", asked) : {}));
  const ask = async (/** @type {Record<string, any>} */ { user_id: user, token_id: by, action, resource, project_id: project, operation }) => {
    // What is refused is said in the form.
    await api.get("/v1/access/explain", { user_id: by ? "" : user, token_id: by, action, resource, project_id: project, operation });
    navigate(withQuery({ user: by ? null : user, token: by || null, action, resource, project: project || null, operation: operation || null }));
  };
  return html`<${Section} title="Why can, why can’t" about="Ask about one user, one action and one resource; the answer is what the next request would meet.">
    <div class="why-grid">
      <div class="card why-form"><${Form} key=${JSON.stringify(asked)} action="Explain" isQuestion initial=${asked} fields=${fields(asksOthers)} send=${ask} /></div>
      <${Loaded} of=${answer} what="the decision" rows=${4}>
        ${(/** @type {any} */ data) => (data.decision ? html`<${Answer} of=${data} />` : html`<div class="card"><${Empty} title="Nothing asked yet">Choose an action.<//></div>`)}
      <//>
    </div>
  <//>`;
}
