/** Making and changing a schedule: what the form holds, what is sent, what it comes to meanwhile. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { commandsIn, commandsText } from "../../commands.js";
import { openForm } from "../../components/form.js";
import { oneSchedule } from "../../components/choices.js";
import { TimingPreview } from "./planned.js";
/** @import { Schedule } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const ZONES = Intl.supportedValuesOf("timeZone").map((zone) => ({ value: zone, label: zone }));
const WHEN = [
  { value: "cron", label: "again and again (cron)" },
  { value: "every", label: "every so often" },
  { value: "at", label: "once" },
  { value: "event", label: "on an event" },
  { value: "absence", label: "when an event stays away" },
  { value: "schedule", label: "after another schedule" },
  { value: "command", label: "when a command exits" },
  { value: "manual", label: "on request only" },
];
const WHAT = [
  { value: "prompt", label: "ask the agent" },
  { value: "commands", label: "run commands" },
  { value: "script", label: "run a script" },
];
const OVERLAP = [
  { value: "skip", label: "is skipped" },
  { value: "queue", label: "waits for its turn" },
  { value: "allow", label: "runs beside it" },
  { value: "cancel_running", label: "cancels it" },
];
const CATCH_UP = [
  { value: "one", label: "make up for them once" },
  { value: "all", label: "make up for each" },
  { value: "none", label: "leave them out" },
];
const EXITS = [
  { value: "success", label: "with 0" },
  { value: "failure", label: "with anything but 0" },
  { value: "change", label: "differently from before" },
];
const RESULTS = ["completed", "failed", "canceled", "any"].map((value) => ({ value, label: value }));

/** @param {string} iso a field for local times shows it in the reader's zone */
const toLocal = (iso) => new Date(new Date(iso).getTime() - new Date(iso).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const fromLocal = (/** @type {string} */ text) => (text ? new Date(text).toISOString() : null);
/** The field has no seconds: what was not changed stays as it was. @param {string} text @param {string | null | undefined} before */
const momentOf = (text, before) => (before && text === toLocal(before) ? before : fromLocal(text));

/** @param {Schedule} schedule */
const whenOf = (schedule) => (schedule.trigger ? schedule.trigger.kind : schedule.cron ? "cron" : schedule.at ? "at" : "every");

/** @param {Partial<Schedule>} schedule @returns {Record<string, any>} what the form begins with */
function initialOf(schedule) {
  const payload = schedule.payload ?? { kind: "prompt" };
  const trigger = schedule.trigger;
  return {
    name: schedule.name ?? "",
    when: schedule.id ? whenOf(/** @type {Schedule} */ (schedule)) : "cron",
    cron: schedule.cron ?? "0 9 * * *",
    every_s: schedule.every_s ?? 3600,
    at: schedule.at ? toLocal(schedule.at) : "",
    pattern: trigger?.pattern ?? "task.failed",
    for_s: trigger?.for_s ?? 3600,
    schedule_id: trigger?.schedule_id ?? "",
    result: trigger?.result ?? "completed",
    command: trigger?.command ?? "",
    exits: trigger?.when ?? "success",
    tried_s: trigger?.kind === "command" ? trigger.every_s : 60,
    timeout_s: trigger?.timeout_s ?? 30,
    network: trigger?.network ?? false,
    time_zone: schedule.time_zone ?? "",
    what: payload.kind,
    prompt: payload.prompt ?? "",
    commands: commandsText(payload.commands ?? []),
    script: payload.script?.content ?? "",
    artifact_id: payload.script?.artifact_id,
    interpreter: payload.script?.interpreter ?? "",
    other: otherOf(payload),
    has_other: Object.keys(otherOf(payload)).length > 0,
    overlap: schedule.overlap ?? "skip",
    catch_up: schedule.catch_up ?? "one",
    more: false,
    jitter_s: schedule.jitter_s ?? 0,
    catch_up_window_s: schedule.catch_up_window_s ?? null,
    start_at: schedule.start_at ? toLocal(schedule.start_at) : "",
    end_at: schedule.end_at ? toLocal(schedule.end_at) : "",
    alert_after: schedule.id ? schedule.alert_after : 3,
    disable_after: schedule.disable_after ?? null,
  };
}

/** @param {Record<string, any>} values @returns {Field[]} */
function fieldsOf(values) {
  /** @type {Record<string, Field[]>} */
  const timing = {
    cron: [{ name: "cron", label: "Minute, hour, day, month, weekday", required: true, code: true, placeholder: "0 9 * * 1-5", hint: "As in a crontab, or @hourly, @daily, @weekly, @monthly, @yearly." }],
    every: [{ name: "every_s", label: "Seconds between two runs", kind: "number", min: 1, step: "any", required: true }],
    at: [{ name: "at", label: "When", kind: "datetime-local", required: true, hint: "By the clock here." }],
    event: [{ name: "pattern", label: "Event", required: true, code: true, placeholder: "task.failed", hint: "* stands for one part of the name, ** for any number." }],
    absence: [
      { name: "pattern", label: "Event", required: true, code: true, placeholder: "task.completed" },
      { name: "for_s", label: "Stays away for seconds", kind: "number", min: 1, required: true },
    ],
    schedule: [
      { name: "schedule_id", label: "After", required: true, ...oneSchedule },
      { name: "result", label: "Whose task", kind: "select", options: RESULTS },
    ],
    command: [
      { name: "command", label: "Command to try", required: true, kind: values.command.includes("\n") ? "area" : undefined, code: true, placeholder: "curl -sf https://example.org/ready", hint: "Tried again and again in the sandbox of a node." },
      { name: "exits", label: "Exits", kind: "select", options: EXITS },
      { name: "tried_s", label: "Tried every so many seconds", kind: "number", min: 5, step: "any", required: true },
      { name: "timeout_s", label: "Time limit in seconds", kind: "number", min: 1, required: true, hint: "A command that runs longer counts as one that exited with 124." },
      { name: "network", label: "May use the network", kind: "switch" },
    ],
    manual: [],
  };
  /** @type {Record<string, Field[]>} */
  const input = {
    prompt: [{ name: "prompt", label: "What is to be done", kind: "area", required: true }],
    commands: [{ name: "commands", label: "Commands, one to a line", kind: "area", code: true, required: true, hint: "Where one has several lines, put a line of --- between two." }],
    script: [
      { name: "script", label: "Script", kind: "area", code: true, required: !values.artifact_id, hint: values.artifact_id ? `Empty: artifact ${values.artifact_id.slice(-8)}, as before.` : undefined },
      { name: "interpreter", label: "Interpreter", code: true, placeholder: "bash", hint: "Such as bash, python3 or node." },
    ],
  };
  const byClock = ["cron", "every", "at"].includes(values.when);
  return [
    { name: "name", label: "Name", required: true },
    { name: "when", label: "Runs", kind: "select", options: WHEN },
    ...(timing[values.when] ?? []),
    ...(values.when === "cron" ? [/** @type {Field} */ ({ name: "time_zone", label: "Time zone", options: ZONES, hint: "Without one yours, then the project’s, then the system’s." })] : []),
    { name: "what", label: "Has to", kind: "select", options: WHAT },
    ...input[values.what],
    ...(values.has_other || values.more ? [/** @type {Field} */ ({ name: "other", label: "Other fields of its tasks, in JSON", kind: "json", hint: "Such as tags, env, model, network, timeout_s. What a field above says counts." })] : []),
    { name: "overlap", label: "If the run before has not ended, it", kind: "select", options: OVERLAP },
    ...(byClock ? [/** @type {Field} */ ({ name: "catch_up", label: "Runs missed in sleep or downtime", kind: "select", options: CATCH_UP })] : []),
    { name: "more", label: "More", kind: "switch" },
    ...(values.more
      ? /** @type {Field[]} */ ([
          { name: "start_at", label: "Not before", kind: "datetime-local" },
          { name: "end_at", label: "Not after", kind: "datetime-local" },
          ...(byClock ? [{ name: "catch_up_window_s", label: "Make up only for what is newer than seconds", kind: "number", min: 0 }, { name: "jitter_s", label: "Spread over seconds", kind: "number", min: 0 }] : []),
          { name: "alert_after", label: "Tell after failures in a row", kind: "number", min: 1 },
          { name: "disable_after", label: "Disable after failures in a row", kind: "number", min: 1 },
        ])
      : []),
  ];
}

/** What is due by the clock, as the preview takes it. @param {Record<string, any>} values */
function timingOf(values) {
  const zone = values.time_zone ? { time_zone: values.time_zone } : {};
  if (values.when === "cron") return values.cron.trim() ? { cron: values.cron, ...zone } : null;
  if (values.when === "every") return Number(values.every_s) > 0 ? { every_s: Number(values.every_s) } : null;
  if (values.when === "at") return values.at ? { at: fromLocal(values.at) } : null;
  return null;
}

/** @param {Record<string, any>} values @param {Record<string, any> | null | undefined} before the trigger as it was: the form shows no filter */
function triggerOf({ when, pattern, for_s: seconds, schedule_id: other, result, ...values }, before) {
  const filter = before?.kind === when && before?.filter ? { filter: before.filter } : {};
  if (when === "event") return { kind: "event", pattern, ...filter };
  if (when === "absence") return { kind: "absence", pattern, for_s: Number(seconds), ...filter };
  if (when === "command") return { kind: "command", command: values.command, when: values.exits || "success", every_s: Number(values.tried_s), timeout_s: Number(values.timeout_s), network: Boolean(values.network) };
  if (when === "schedule") return { kind: "schedule", schedule_id: other, result: result || "completed" };
  return { kind: "manual" };
}

/** @param {Record<string, any>} values @param {Record<string, any>} before the payload as it was */
function payloadOf({ what, prompt, commands, script, interpreter, other }, before) {
  const { script: more, ...rest } = other ?? {};
  if (what === "prompt") return { ...rest, kind: "prompt", prompt };
  if (what === "commands") return { ...rest, kind: "commands", commands: commandsIn(commands, before.commands) };
  const source = script ? { content: script } : { artifact_id: before.script?.artifact_id };
  return { ...rest, kind: "script", script: { ...more, ...source, interpreter: interpreter.trim() || "bash" } };
}

/** What of a payload has no field in the form, as in the payload. @param {Record<string, any>} payload */
function otherOf({ kind: _kind, prompt: _prompt, commands: _commands, script, ...rest }) {
  const { content: _content, artifact_id: _artifact, interpreter: _interpreter, ...more } = script ?? {};
  return Object.keys(more).length ? { ...rest, script: more } : rest;
}

const isObject = (/** @type {any} */ value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The merge patch that says all of `after`, and takes away what it lacks. @param {Record<string, any>} before @param {Record<string, any>} after @returns {Record<string, any>} */
function patchOf(before, after) {
  const gone = Object.keys(before).filter((name) => !(name in after));
  const said = Object.entries(after).map(([name, value]) => [name, isObject(value) && isObject(before[name]) ? patchOf(before[name], value) : value]);
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...Object.fromEntries(said) };
}

/** @param {Record<string, any>} values of the fields shown @param {Partial<Schedule>} schedule as it was */
function bodyOf(values, { payload = {}, trigger, at, start_at: start, end_at: end }) {
  const timing = values.when === "cron" ? { cron: values.cron } : values.when === "every" ? { every_s: Number(values.every_s) } : values.when === "at" ? { at: momentOf(values.at, at) } : { trigger: triggerOf(values, trigger) };
  const more = values.more
    ? { start_at: momentOf(values.start_at, start), end_at: momentOf(values.end_at, end), jitter_s: values.jitter_s ?? 0, catch_up_window_s: values.catch_up_window_s ?? null, alert_after: values.alert_after, disable_after: values.disable_after }
    : {};
  return { name: values.name, ...timing, ...(values.when === "cron" ? { time_zone: values.time_zone || null } : {}), payload: payloadOf(values, payload), overlap: values.overlap || "skip", ...(values.catch_up ? { catch_up: values.catch_up } : {}), ...more };
}

/** The fields of a command that is tried have names of their own here. @type {Record<string, string>} */
const TRIED = { every_s: "tried_s", when: "exits" };
const WORK = ["prompt", "commands", "script"];

/** Which field a part of what is sent is written in. @param {string} path */
function fieldOf(path) {
  const [place, part, ...rest] = path.split(".");
  if (place === "trigger" && rest.length) return part === "command" ? (TRIED[rest[0]] ?? rest[0]) : rest[0];
  if (place !== "payload" || !part) return path;
  if (path === "payload.script.interpreter") return "interpreter";
  return WORK.includes(part) ? part : ["other", part, ...rest].join(".");
}

/**
 * Opens the form of a schedule that is there, or of a new one with what is known of it.
 * @param {Partial<Schedule>} schedule @param {(answer: Schedule) => void} done
 */
export function editSchedule(schedule, done) {
  const before = schedule.payload ?? {};
  openForm({
    title: schedule.id ? `Edit ${schedule.name}` : "New schedule",
    wide: true,
    action: schedule.id ? "Save" : "Create schedule",
    initial: initialOf(schedule),
    fields: fieldsOf,
    fieldOf,
    previewAfter: ["every_s", "at", "time_zone"],
    preview: (values) => html`<${TimingPreview} timing=${timingOf(values)} />`,
    send: (values, over) => {
      const body = bodyOf(values, schedule);
      if (schedule.id) return api.patch(`/v1/schedules/${schedule.id}`, { ...body, payload: patchOf(before, body.payload) }, over ? undefined : schedule.version);
      return api.post("/v1/schedules", { ...body, ...(schedule.project_id ? { project_id: schedule.project_id } : {}) });
    },
    done,
  });
}
