/** Making and changing a hook: who may post, and what comes of it. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { oneChat, oneConnector, oneProject, oneSchedule } from "../../components/choices.js";
import { openForm } from "../../components/form.js";
/** @import { Hook, HookWithSecret } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** What each kind of action does, in words. @type {Record<string, string>} */
export const DOES = {
  create_task: "makes a task",
  chat_turn: "asks the agent in a chat",
  append_message: "adds a message to a chat",
  emit_event: "tells an event",
  run_schedule: "runs a schedule",
};

const SENDERS = [
  { value: "token", label: "anything with a token" },
  { value: "github", label: "GitHub" },
  { value: "standard_webhooks", label: "Standard Webhooks" },
  { value: "hmac", label: "anything signed by HMAC" },
  { value: "preset:slack", label: "Slack: messages and commands" },
  { value: "preset:discord", label: "Discord: commands" },
  { value: "preset:mattermost", label: "Mattermost: messages and commands" },
  { value: "preset:matrix", label: "Matrix, by Hookshot" },
];

const ACTIONS = ["create_task", "run_schedule", "emit_event", "append_message", "chat_turn"].map((kind) => ({ value: kind, label: DOES[kind] }));

const TASK = { prompt: "Summarise in two sentences: {{ body.text }}", tags: ["hook"] };

/** @type {Field[]} */
const ABOUT = [
  { name: "name", label: "Name", required: true, placeholder: "new issues" },
  { name: "description", label: "Description" },
];

/** @type {Field} */
const CONDITION = { name: "condition", label: "Only when", code: true, placeholder: "{{ headers['X-GitHub-Event'] == 'issues' }}", hint: "Requests for which this gives nothing or false are passed over." };

/** @type {Field} */
const RATE = { name: "rate_per_minute", label: "Requests a minute", kind: "number", min: 1 };

/** The fields of an action of that kind. @param {string} kind @returns {Field[]} */
function fieldsOf(kind) {
  if (kind === "create_task") return [{ name: "task", label: "The task", kind: "json", required: true, hint: "The fields of a task: prompt, script or commands, and the others." }];
  if (kind === "emit_event") return [{ name: "event", label: "Event", required: true, code: true, placeholder: "deploy.finished" }, { name: "data", label: "Its data", kind: "json" }];
  if (kind === "run_schedule") return [{ name: "schedule_id", label: "Schedule", required: true, ...oneSchedule }];
  const text = /** @type {Field} */ ({ name: "text", label: "Text", kind: "area", required: true, placeholder: "{{ body.text }}" });
  return kind === "append_message" ? [{ name: "thread_id", label: "Chat", required: true, ...oneChat }, text] : [text];
}

/** @param {Record<string, any>} values of the form @param {Record<string, any>} [before] the action as it was */
function actionOf({ kind, task, event, data, text, thread_id: thread, schedule_id: schedule }, before = {}) {
  const kept = before.kind === kind ? before : { kind };
  if (kind === "create_task") return { ...kept, task };
  if (kind === "run_schedule") return { ...kept, schedule_id: schedule };
  if (kind === "emit_event") return { ...kept, name: event, data: data ?? {} };
  return kind === "append_message" ? { ...kept, thread_id: thread, text } : { ...kept, text };
}

/** In which field a part of what is sent is written; actions are told apart by their kind, and the name of an event is not that of the hook. @param {string} path */
function fieldOf(path) {
  const part = path.replace(/^action\.[a-z_]+\./, "");
  return part !== path && part === "name" ? "event" : part;
}

const HELP = html`<details class="hook-help"><summary>What templates can say</summary>
  <p><code>{{ body.issue.title }}</code> – fields of what was sent; also <code>headers['X-Name']</code>, <code>query.name</code>, <code>hook.name</code> and <code>received_at</code>.</p>
  <p><code>{{ body.note | default('none') }}</code> – for what may be missing; more filters: <code>join(', ')</code>, <code>length</code>, <code>lower</code>, <code>map('name')</code>, <code>replace</code>, <code>tojson</code>, <code>truncate(80)</code>, <code>upper</code>.</p>
  <p><code>{% if body.ok %}…{% else %}…{% endif %}</code>, <code>{% for item in body.items %}…{% endfor %}</code></p>
  <p>In commands each value is quoted as one word; in prompts long ones are marked as material from outside.</p>
</details>`;

/** @param {Record<string, any>} values @returns {Field[]} */
function fieldsOfNew(values) {
  const isPreset = String(values.sender).startsWith("preset:");
  const isDiscord = values.sender === "preset:discord";
  /** @type {Field[]} */
  const proof = isDiscord
    ? [{ name: "public_key", label: "Public key", required: true, code: true, hint: "Of the application, as Discord’s developer portal shows it." }]
    : [{ name: "secret", label: "Secret", kind: "password", autocomplete: "new-password", hint: isPreset ? "The one that the service shows for its signature or token." : "Leave it empty to have one made." }];
  const service = String(values.sender).slice("preset:".length);
  /** @type {Field[]} */
  const answers = isPreset && !isDiscord ? [{ name: `by_${service}`, label: "Answer through", hint: "A connector that writes answers into the channel where the service says no address for them; without one they stand in the chat here alone. Its rules have to allow it to post.", ...oneConnector(service) }] : [];
  /** @type {Field[]} */
  const action = isPreset ? answers : [{ name: "kind", label: "What it does", kind: "select", required: true, options: ACTIONS }, ...fieldsOf(values.kind), CONDITION];
  return [...ABOUT, { name: "sender", label: "Who posts", kind: "select", required: true, options: SENDERS }, ...proof, ...action, { name: "project_id", label: "In the project", hint: "Without one your default project.", ...oneProject }];
}

/** @param {Record<string, any>} values */
function bodyOfNew({ name, description, sender, secret, public_key: key, condition, project_id: project, ...rest }) {
  const from = sender.startsWith("preset:") ? { preset: sender.slice("preset:".length) } : { verify: sender, action: actionOf(rest) };
  const connector = rest[`by_${from.preset}`];
  const proof = key ? { verify_options: { public_key: key } } : secret ? { secret } : {};
  return { name, description, ...from, ...proof, ...(condition ? { condition } : {}), ...(connector ? { connector_id: connector } : {}), ...(project ? { project_id: project } : {}) };
}

/** @param {(hook: HookWithSecret) => void} done */
export const add = (done) =>
  openForm({
    title: "New hook",
    action: "Create hook",
    wide: true,
    initial: { sender: "token", kind: "create_task", task: TASK, data: {} },
    fields: fieldsOfNew,
    fieldOf,
    preview: () => HELP,
    send: (values) => api.post("/v1/hooks", bodyOfNew(values)),
    done,
  });

/** @param {Hook} hook @param {() => void} done */
export function edit(hook, done) {
  const { action } = hook;
  openForm({
    title: `Edit ${hook.name}`,
    action: "Save",
    wide: true,
    initial: { ...hook, kind: action.kind, task: action.task ?? TASK, event: action.name, data: action.data ?? {}, text: action.text, thread_id: action.thread_id, schedule_id: action.schedule_id, condition: hook.condition ?? "" },
    fields: (values) => [...ABOUT, { name: "kind", label: "What it does", kind: "select", required: true, options: ACTIONS }, ...fieldsOf(values.kind), CONDITION, RATE],
    fieldOf,
    preview: () => HELP,
    send: ({ name, description, condition, rate_per_minute: rate, ...rest }, over) =>
      api.patch(`/v1/hooks/${hook.id}`, { name, description, condition: condition || null, rate_per_minute: rate, action: actionOf(rest, action) }, over ? undefined : hook.version),
    done,
  });
}

/** @param {Hook} hook @param {(hook: HookWithSecret) => void} done */
export const rotate = (hook, done) =>
  openForm({
    title: `New secret for ${hook.name}`,
    action: "Create secret",
    initial: { overlap_h: 24 },
    fields: [
      { name: "secret", label: "Secret", kind: "password", autocomplete: "new-password", hint: "Leave it empty to have one made." },
      { name: "overlap_h", label: "Hours that the present one goes on", kind: "number", min: 0 },
    ],
    fieldOf: (path) => (path === "overlap_s" ? "overlap_h" : path),
    send: ({ secret, overlap_h: hours }) => api.post(`/v1/hooks/${hook.id}/rotate`, { overlap_s: Math.round((hours ?? 0) * 3600), ...(secret ? { secret } : {}) }),
    done,
  });
