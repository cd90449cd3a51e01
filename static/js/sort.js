/** The order of the list that is shown, as the address has it: `name` upwards, `-name` downwards. */
import { place } from "./router.js";

const AS_MADE = "created_at";

/** Without a word in the address, the newest come first. */
export const order = () => place.value.query.get("sort") ?? `-${AS_MADE}`;

/** Whether what is new comes at an end of the list. */
export const isAsMade = () => isOldestFirst() || order() === `-${AS_MADE}`;

export const isOldestFirst = () => order() === AS_MADE;

/** What lies at the list's beginning, and what comes further on. @returns {[string, string]} */
export function ends() {
  if (order() === `-${AS_MADE}`) return ["Newest", "Older"];
  return isOldestFirst() ? ["Oldest", "Newer"] : ["First", "Further"];
}

/** The order that a click on a head asks for: upwards, downwards, then as the list is by itself. @param {string} by */
export function nextOrder(by) {
  const now = order();
  if (by === AS_MADE) return now === `-${by}` ? by : null;
  return now === by ? `-${by}` : now === `-${by}` ? null : by;
}
