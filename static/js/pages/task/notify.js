/** "Notify me": one message when a task ends, through a destination of one's own or on the desktop. */
import * as api from "../../api.js";
import { openForm } from "../../components/form.js";
import { toast } from "../../components/toast.js";
/** @import { Destination, DestinationKind, Task } from "../../types.js" */

const DESKTOP = "desktop";
const ENDS = ["task.completed", "task.failed", "task.canceled"];

/** Where a message can go; the desktop, where there is one, without having been added first. */
async function ways() {
  const [held, kinds] = await Promise.all([api.all("/v1/destinations"), api.get("/v1/destinations/kinds")]);
  const active = /** @type {Destination[]} */ (held).filter((destination) => destination.is_active);
  const desktop = /** @type {DestinationKind[]} */ (kinds.items).find((kind) => kind.destination_type === DESKTOP);
  return [
    ...active.map(({ id, name }) => ({ value: id, label: name })),
    ...(desktop?.available && !active.some((destination) => destination.destination_type === DESKTOP) ? [{ value: DESKTOP, label: "A notification on the desktop" }] : []),
  ];
}

/** @param {string} way a destination's id, or the desktop, which becomes one @returns {Promise<string>} */
const destinationOf = async (way) => (way === DESKTOP ? (await api.post("/v1/destinations", { name: "Desktop", destination_type: DESKTOP, destination_config: {} })).id : way);

/** @param {Task} task */
export const notifyOfEnd = (task) =>
  openForm({
    title: `Notify me when ${task.name} ends`,
    action: "Notify me",
    fields: [{ name: "way", label: "Through", kind: "select", required: true, options: ways, hint: "Others can be added under Messaging." }],
    send: async ({ way }) => api.post("/v1/subscriptions", { destination_id: await destinationOf(way), event_pattern: "task.*", filter: { task_id: task.id, names: ENDS, once: true } }),
    done: () => toast(`You will hear when ${task.name} ends`, { link: { href: "/messaging/subscriptions", label: "Subscriptions" } }),
  });
