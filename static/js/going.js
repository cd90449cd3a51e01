/** What is about to be deleted: lists show it as gone already, and the request goes out when it can no longer be undone. */
import { signal } from "@preact/signals";

/** @type {import("@preact/signals").Signal<ReadonlySet<string>>} their ids; those that were deleted stay, no id comes twice */
const going = signal(new Set());

/** @param {string} id */
export const goes = (id) => (going.value = new Set(going.value).add(id));

/** @param {string} id */
export const stays = (id) => (going.value = new Set([...going.value].filter((other) => other !== id)));

/** The things of a list without those that are going. @template {{id?: string}} T @param {T[]} items */
export function remaining(items) {
  const gone = going.value;
  return items.some(({ id }) => id && gone.has(id)) ? items.filter(({ id }) => !id || !gone.has(id)) : items;
}
