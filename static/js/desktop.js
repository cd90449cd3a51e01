/** The native window around this page: what it is asked, and what it orders. Nothing of it is there in a browser. */

/**
 * @typedef {{switches: Record<string, boolean>, impossible: Record<string, string>, failed?: string}} Switches
 * @typedef {{do: string, path?: string}} Order
 */

const BRIDGE_WAIT_MS = 3_000;

const host = /** @type {any} */ (window);

/** Whether this page is shown by the native window, as far as can be told before its bridge is there. */
export const isDesktop = Boolean(host.pywebview || host.chrome?.webview || host.webkit?.messageHandlers) || /QtWebEngine/.test(navigator.userAgent);

/** Waits for the window's end of the bridge; it comes when the page has been loaded. @returns {Promise<void>} */
function bridge() {
  if (host.gatewayDesktop) return Promise.resolve();
  return new Promise((resolve) => {
    window.addEventListener("desktop-ready", () => resolve(), { once: true });
    setTimeout(resolve, BRIDGE_WAIT_MS);
  });
}

/**
 * Asks the window. Null in a browser, and where the window does not know the question.
 * @param {"sign_in_code" | "switches" | "turn" | "status" | "notify" | "leave"} name
 * @param {any} [value]
 */
export async function ask(name, value) {
  if (!isDesktop) return null;
  await bridge();
  return (await host.gatewayDesktop?.ask(name, value)) ?? null;
}

/** Calls back for each order of the window: from its menu, its tray, a link. Gives what ends that. @param {(order: Order) => void} carryOut */
export function whenOrdered(carryOut) {
  const hear = (/** @type {Event} */ event) => carryOut(/** @type {CustomEvent<Order>} */ (event).detail);
  window.addEventListener("desktop-order", hear);
  return () => window.removeEventListener("desktop-order", hear);
}
