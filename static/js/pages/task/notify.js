/** "Notify me": one message when a task ends, through a destination of one's own or on the desktop. */
import * as api from "../../api.js";
import { openForm } from "../../components/form.js";
import { toast } from "../../components/toast.js";
/** @import { Destination, DestinationKind, Task } from "../../types.js" */

const DESKTOP = "desktop";
const OFFERED = 20;
const ENDS = ["task.completed", "task.failed", "task.canceled"];

/** Whether messages can go to a desktop that no destination stands for yet. */
async function isDesktopFree() {
  const [held, kinds] = await Promise.all([api.get("/v1/destinations", { destination_type: DESKTOP, is_active: true, limit: 1 }), api.get("/v1/destinations/kinds")]);
  return !held.items.length && /** @type {DestinationKind[]} */ (kinds.items).some((kind) => kind.destination_type === DESKTOP && kind.available);
}

/** Where a message can go, found by words; the desktop, where there is one, without having been added first. @param {string} q */
async function ways(q) {
  const [held, isFree] = await Promise.all([api.get("/v1/destinations", { q, is_active: true, limit: OFFERED }), isDesktopFree()]);
  const found = /** @type {Destination[]} */ (held.items).map(({ id, name, destination_type: type }) => ({ value: id, name, label: type }));
  return isFree ? [{ value: DESKTOP, name: "This desktop", label: "a notification" }, ...found] : found;
}

/** @param {string} way a destination's id, or the desktop, which becomes one @returns {Promise<string>} */
const destinationOf = async (way) => (way === DESKTOP ? (await api.post("/v1/destinations", { name: "Desktop", destination_type: DESKTOP, destination_config: {} })).id : way);

/** @param {Task} task */
export const notifyOfEnd = (task) =>
  openForm({
    title: `Notify me when ${task.name} ends`,
    action: "Notify me",
    fields: [{ name: "way", label: "Through", kind: "find", required: true, search: ways, hint: "Others can be added under Messaging." }],
    send: async ({ way }) => api.post("/v1/subscriptions", { destination_id: await destinationOf(way), event_pattern: "task.*", filter: { task_id: task.id, names: ENDS, once: true } }),
    done: () => toast(`You will hear when ${task.name} ends`, { link: { href: "/messaging/subscriptions", label: "Subscriptions" } }),
  });
