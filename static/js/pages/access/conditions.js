/** When a rule holds, as fields of a form: all that are filled in must hold. */
/** @import { Field } from "../../components/input.js" */

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const WHOSE = [
  { value: "", label: "anybody’s" },
  { value: "yes", label: "what the caller owns" },
  { value: "no", label: "what the caller does not own" },
];
const named = (/** @type {string[]} */ words) => words.map((value) => ({ value, label: value }));

/** @type {Field[]} named as errors of the API name them */
export const CONDITIONS = [
  { name: "conditions.via", label: "Came by", kind: "words", options: async () => named(["token", "login", "console", "mcp", "agent", "hook"]), placeholder: "token" },
  { name: "conditions.addresses", label: "From addresses", kind: "words", placeholder: "127.0.0.1 or 10.0.0.0/8" },
  { name: "conditions.own", label: "Whose things", kind: "select", options: WHOSE },
  { name: "conditions.weekdays", label: "On weekdays", kind: "words", options: async () => named(WEEKDAYS), placeholder: "Sat", hint: `${WEEKDAYS.slice(0, -1).join(", ")} or Sun.` },
  { name: "conditions.after", label: "From time", kind: "time" },
  { name: "conditions.before", label: "Until time", kind: "time", hint: "A window may go past midnight." },
  { name: "conditions.time_zone", label: "Time zone", options: Intl.supportedValuesOf("timeZone").map((value) => ({ value, label: value })), placeholder: "UTC" },
];

/** A rule's conditions as the fields hold them. @param {Record<string, any>} conditions */
export function written(conditions) {
  const { own, weekdays = [] } = conditions;
  const words = { ...conditions, own: own === undefined ? "" : own ? "yes" : "no", weekdays: weekdays.map((/** @type {number} */ day) => WEEKDAYS[day - 1]) };
  return Object.fromEntries(Object.entries(words).map(([name, value]) => [`conditions.${name}`, value]));
}

/** When a rule holds, in words. @param {Record<string, any>} conditions */
export function inWords({ via, addresses, own, weekdays, after, before, time_zone: zone }) {
  const minute = (/** @type {string} */ time) => time.slice(0, 5);
  const span = after && before ? `${minute(after)}–${minute(before)}` : after ? `from ${minute(after)}` : before && `until ${minute(before)}`;
  return [
    via && `by ${via.join(" or ")}`,
    addresses && `from ${addresses.join(" or ")}`,
    own !== undefined && (own ? "on own things" : "on others’ things"),
    weekdays && (/** @type {number[]} */ (weekdays)).map((day) => WEEKDAYS[day - 1]).join(", "),
    span && `${span} ${zone ?? "UTC"}`,
  ].filter(Boolean).join("; ");
}

/** A day's number; what is no day goes as it is, to be refused with a reason. @param {string} word */
const dayOf = (word) => WEEKDAYS.indexOf(word) + 1 || Number(word) || word;

/** The conditions that were filled in, and the other values. @param {Record<string, any>} values */
export function taken(values) {
  /** @type {Record<string, any>} */
  const conditions = {};
  /** @type {Record<string, any>} */
  const rest = {};
  for (const [name, value] of Object.entries(values)) {
    const [first, key] = name.split(".");
    if (!key) rest[first] = value;
    else if (value.length) conditions[key] = key === "own" ? value === "yes" : key === "weekdays" ? value.map(dayOf) : value;
  }
  return { conditions, rest };
}
