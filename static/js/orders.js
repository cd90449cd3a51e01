/** What the native window orders – its menu, its tray, links that were opened – and what its tray is told. */
import { effect, signal } from "@preact/signals";
import { ask, isDesktop, whenOrdered } from "./desktop.js";
import { navigate } from "./router.js";
import { isPage } from "./routes.js";
import { inWords, standing, turnPause, turnStop, watchStanding } from "./standing.js";
import { isUnsent } from "./unsent.js";
import { confirmOver } from "./components/dialog.js";
import { settle } from "./components/toast.js";
/** @import { Order } from "./desktop.js" */

/** Counts the wishes to see the keys; the frame of the page shows them. */
export const keysWanted = signal(0);

function tell() {
  const now = standing.peek();
  if (now) void ask("status", { text: inWords(now), ...(now.paused === null ? {} : { paused: now.paused }), ...(now.stopped === null ? {} : { stopped: now.stopped }) });
}

/** Says whether the window may close: once what waits to be undone is seen through, and the user gives up what they have written. */
async function leave() {
  const isHeld = isUnsent();
  if (isHeld) confirmOver({ title: "Close the window?", text: "What you have written is not saved yet, and is lost then.", action: "Close it", keep: "Stay", run: () => settle().then(() => ask("leave", true)) });
  else await settle();
  void ask("leave", !isHeld);
}

/** @type {Record<string, (order: Order) => unknown>} */
const ORDERS = {
  open: ({ path = "/" }) => isPage(new URL(path, location.origin).pathname) && navigate(path),
  keys: () => keysWanted.value++,
  leave,
  status: tell,
  pause: () => turnPause(true).then(tell),
  resume: () => turnPause(false).then(tell),
  stop_spending: () => turnStop(true).then(tell),
  allow_spending: () => turnStop(false).then(tell),
};

/** @type {Order[] | null} what was ordered before somebody was signed in; null from then on */
let early = [];

/** @param {Order} order */
const carryOut = (order) => void ORDERS[order.do]?.(order);

if (isDesktop) whenOrdered((order) => void (early ? early.push(order) : carryOut(order)));

/** Carries out what was and will be ordered. For a page with somebody signed in. */
export function startOrders() {
  watchStanding();
  if (!isDesktop) return;
  early?.forEach(carryOut);
  early = null;
  effect(() => void (standing.value && tell()));
}
