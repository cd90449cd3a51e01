/** Notifications of what ends or asks while nobody looks; a click opens the thing. Off until the user turns them on. */
import { ask, isDesktop } from "./desktop.js";
import { listen } from "./live.js";
import { navigate } from "./router.js";
/** @import { GatewayEvent } from "./types.js" */

const KEPT = "notifications";

/** What is said of an event; null for one that is not worth it. @param {GatewayEvent} event */
function words({ name, data, task_id: task }) {
  const path = `/tasks/${task}`;
  if (name === "task.completed") return { title: "Task completed", text: data.name ?? "", path };
  if (name === "task.failed") return { title: "Task failed", text: [data.name, data.error?.message].filter(Boolean).join(": "), path };
  if (name === "agent.question_asked") return { title: "A question for you", text: data.question ?? "", path };
  return null;
}

/** Whether this browser shows notifications; in the native window its own switch decides. */
export const areOn = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(KEPT) === "on";

/** @param {boolean} on @returns {Promise<string | null>} why it could not be turned on */
export async function turnNotifications(on) {
  if (!on) {
    localStorage.removeItem(KEPT);
    return null;
  }
  if (!("Notification" in window)) return "This browser has no notifications.";
  if ((await Notification.requestPermission()) !== "granted") return "The browser does not allow it: allow notifications for this address in its settings.";
  localStorage.setItem(KEPT, "on");
  return null;
}

/** @param {{title: string, text: string, path: string}} note */
function show({ title, text, path }) {
  if (isDesktop) return void ask("notify", { title, text, path });
  if (!areOn()) return;
  const shown = new Notification(title, { body: text, tag: path });
  shown.onclick = () => {
    window.focus();
    navigate(path);
    shown.close();
  };
}

/** Tells of what the user sees of it, from now on. */
export function startNotifications() {
  listen((event) => {
    const note = event && !document.hasFocus() && words(event);
    if (note) show(note);
  });
}
