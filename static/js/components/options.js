/** What a task may be given beside its work: name, tags, limits, criteria, what it waits for. */
import { parseDuration } from "../format.js";
/** @import { Task } from "../types.js" */

/** @typedef {{name: string, tags: string, priority: string, timeout: string, network: boolean, criteria: string, model: string, dependsOn: string[], env: string}} Options */

/** Seconds in the largest unit of which they are a whole number, as one writes them. @param {number} seconds */
const inUnits = (seconds) => (seconds % 3600 === 0 ? `${seconds / 3600}h` : seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`);

/** @param {Task} [task] take over what this one had @returns {Options} */
export const emptyOptions = (task) => ({
  name: task?.name ?? "",
  tags: (task?.tags ?? []).join(", "),
  priority: task?.priority ? String(task.priority) : "",
  timeout: task?.timeout_s ? inUnits(task.timeout_s) : "",
  network: task?.network ?? false,
  criteria: (task?.acceptance_criteria ?? []).join("\n"),
  model: task?.model ?? "",
  dependsOn: [],
  env: Object.entries(task?.env ?? {}).map(([name, value]) => `${name}=${value}`).join("\n"),
});

/** A task's metadata without what the gateway wrote of where it came from, which is not true of another. @param {Task} task */
export function ownMetadata({ metadata }) {
  const { replay_of_run: _run, created_by_task: _task, ...own } = metadata ?? {};
  if (!own.schedule_id || !own.planned_at) return own;
  const { schedule_id: _schedule, planned_at: _at, cause: _cause, ...rest } = own;
  return rest;
}

/** What the API calls each of them. @type {Record<string, keyof Options>} */
const SENT_AS = { name: "name", tags: "tags", priority: "priority", timeout_s: "timeout", acceptance_criteria: "criteria", depends_on: "dependsOn", env: "env" };

/** By which option a part of a task was given. @param {string} path */
export const optionOf = (path) => SENT_AS[path.split(".")[0]] ?? path;

/** All that a field shows. */
export const OPTIONS = Object.values(SENT_AS).map((name) => ({ name }));

/** @param {string} text @param {string | RegExp} separator */
const parts = (text, separator) => text.split(separator).map((part) => part.trim()).filter(Boolean);

/** The fields of POST /v1/tasks that were given. @param {Options} options */
export function optionFields(options) {
  /** @type {Record<string, any>} */
  const fields = {};
  if (options.name.trim()) fields.name = options.name.trim();
  if (options.tags.trim()) fields.tags = parts(options.tags, /[,\s]+/);
  if (options.priority.trim()) fields.priority = Number(options.priority);
  if (options.timeout.trim()) fields.timeout_s = parseDuration(options.timeout);
  if (options.network) fields.network = true;
  if (options.criteria.trim()) fields.acceptance_criteria = parts(options.criteria, "\n");
  if (options.model) fields.model = options.model;
  if (options.dependsOn.length) fields.depends_on = options.dependsOn;
  if (options.env.trim()) {
    fields.env = Object.fromEntries(parts(options.env, "\n").map((line) => [line.split("=", 1)[0].trim(), line.includes("=") ? line.slice(line.indexOf("=") + 1) : ""]));
  }
  return fields;
}
