/** Figures of the API in units that are read at a glance: their names end in what they count. */
import { duration, size } from "../../format.js";

const UNITS = { bytes: size, s: duration };

/**
 * @param {string} name such as `task_timeout_s`
 * @param {any} value
 * @returns {{what: string, said: string} | null} `task_timeout` and `1 h`; null where the name has no unit, or the value is none
 */
export function measured(name, value) {
  const [ending, say] = Object.entries(UNITS).find(([ending]) => name.endsWith(`_${ending}`)) ?? [];
  return ending && say && typeof value === "number" ? { what: name.slice(0, -ending.length - 1), said: say(value) } : null;
}
