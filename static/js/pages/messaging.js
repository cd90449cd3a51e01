/** Messages about what happens: where they go, which events make one, and what became of each. */
import { html } from "../html.js";
import { MESSAGING_TABS } from "../routes.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { Deliveries } from "./messaging/deliveries.js";
import { Destinations } from "./messaging/destinations.js";
import { Subscriptions } from "./messaging/subscriptions.js";

/** @type {Record<string, () => any>} */
const PARTS = {
  "/messaging": Destinations,
  "/messaging/subscriptions": Subscriptions,
  "/messaging/deliveries": Deliveries,
};

export default function MessagingPage() {
  const path = shownTab(MESSAGING_TABS);
  return html`<div class="page-head"><h1>Messaging</h1></div><${Tabs} tabs=${MESSAGING_TABS} label="Messaging" /><${PARTS[path]} key=${path} />`;
}
