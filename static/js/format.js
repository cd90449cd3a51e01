/** How values are written for people: times, durations, sizes, ids. */

const UNITS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
  ["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60],
]);
const counted = new Intl.RelativeTimeFormat("en", { style: "narrow" });
const named = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

const numbers = new Intl.NumberFormat("en-GB");

/** A number, its thousands set apart. In English, as the words around it: elsewhere 1.234 would be one and a bit. @param {number} number */
export const grouped = (number) => numbers.format(number);

/** @param {string} time RFC 3339 @param {number} now in milliseconds */
export function ago(time, now) {
  const seconds = (Date.parse(time) - now) / 1000;
  if (Math.abs(seconds) < 45) return seconds > 5 ? "in a moment" : "just now";
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size * 0.9) return (unit === "day" ? named : counted).format(Math.round(seconds / size), unit);
  }
  return counted.format(Math.round(seconds / 60), "minute");
}

/** @param {string} time RFC 3339 */
export const exactTime = (time) => exact.format(new Date(time));

/** The time of day, by the clock here. @param {string} time RFC 3339 */
export const clockTime = (time) => clock.format(new Date(time));

/** Day and time by the clock here, where there is little room; the year where it is another one. @param {string} time RFC 3339 @param {number} now in milliseconds */
export function dayAndTime(time, now) {
  const at = new Date(time);
  return `${(at.getFullYear() === new Date(now).getFullYear() ? day : dayOfYear).format(at)}, ${clock.format(at)}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (/** @type {string} */ whole, /** @type {number} */ rest, /** @type {string} */ unit) => (rest ? `${whole} ${rest} ${unit}` : whole);
  if (minutes < 60) return two(`${minutes} min`, Math.floor(seconds % 60), "s");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? two(`${hours} h`, minutes % 60, "min") : two(`${Math.floor(hours / 24)} d`, hours % 24, "h");
}

/** @param {string | null | undefined} from @param {string | null | undefined} to @param {number} now */
export function between(from, to, now) {
  return from ? duration(((to ? Date.parse(to) : now) - Date.parse(from)) / 1000) : "";
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** The end of a UUIDv7 is its random part, so that is what tells ids apart. @param {string} id */
export const shortId = (id) => id.slice(-8);

/** @param {number} count @param {string} one @param {string} [many] */
export const plural = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;

/** @param {string} text "90", "90s", "15m", "2h" @returns {number | null} in seconds; null when it is none of these */
export function parseDuration(text) {
  const match = /^(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d)?$/.exec(text.trim());
  if (!match) return null;
  const factor = /** @type {Record<string, number>} */ ({ s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400 })[match[2] ?? "s"];
  return Number(match[1]) * factor;
}

/** A phrase with a capital letter at its front. @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What a run is called: by its own name, or which attempt it is at the task that may be named. @param {import("./types.js").Run} run */
export const runName = ({ name, kind, attempt, task_name: task }) => name ?? (kind === "task" ? (task ? `${task}, attempt ${attempt}` : `Attempt ${attempt}`) : kind === "agent" ? "Sub-agent" : "Run");

/** @param {{handle: string, display_name?: string}} user */
export const userName = ({ handle, display_name: name }) => (name && name !== handle ? `${name} (${handle})` : handle);
