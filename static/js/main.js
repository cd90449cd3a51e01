/** Starts the console: who is signed in, then the page that the address names. */
import { render } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { html } from "./html.js";
import { ApiError, whenUnauthenticated } from "./api.js";
import { startFocus } from "./focus.js";
import { startKeys } from "./keys.js";
import { connection, reconnect, start as startLive } from "./live.js";
import { startNotifications } from "./notifications.js";
import { startOrders } from "./orders.js";
import { navigate, place, startRouter } from "./router.js";
import { fetchAhead, load, routeOf } from "./routes.js";
import { isShutOut, loadSession, session, shutOut, signInNatively, toLogin } from "./session.js";
import { entitle } from "./title.js";
import { OpenDialog, mayLeave } from "./components/dialog.js";
import { Shell } from "./components/shell.js";
import { Failed, Loading } from "./components/states.js";
import { Toasts } from "./components/toast.js";
/** @import { Route } from "./routes.js" */

/** The page's module; an address that this release no longer has is loaded whole. @param {Route} route */
async function pageOf(route) {
  try {
    return await load(route);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ApiError(0, { title: connection.value === "live" ? "The page's files could not be loaded. Reload to get the present release." : "The gateway can't be reached. The page opens when it is back." });
  }
}

function App() {
  const { route, id } = routeOf(place.value.path);
  const [shown, setShown] = useState(/** @type {{route: Route, page: any} | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const isLive = connection.value === "live";
  const [SignInAgain, setSignInAgain] = useState(/** @type {any} */ (null));
  useEffect(() => void (isShutOut.value && import("./components/sign-in-again.js").then((dialog) => setSignInAgain(() => dialog.SignInAgain))), [isShutOut.value]);
  useLayoutEffect(() => {
    setError(null);
    if (shown?.route === route) return;
    let left = false;
    pageOf(route).then(
      (page) => left || setShown({ route, page }),
      (failure) => left || setError(failure),
    );
    // A slow page that was left in the meantime must not take the place of the one that came after it.
    return () => void (left = true);
  }, [route, isLive]);
  useEffect(() => {
    entitle(route.title);
    // A new page is read from its top; one that put the focus somewhere itself keeps it.
    if (shown && document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
  }, [shown, id]);
  const page = shown?.route === route ? html`<${shown.page} key=${route.isSteady ? "" : id} id=${id} />` : null;
  const content = error ? html`<${Failed} error=${error} retry=${() => (isLive ? location.reload() : reconnect())} what="the page" isPage />` : (page ?? html`<${Loading} what="the page" />`);
  const frame = route.bare ? html`<main id="main" tabindex="-1" class="bare">${content}</main><${OpenDialog} /><${Toasts} />` : html`<${Shell}>${content}<//>`;
  return html`${frame}${isShutOut.value && SignInAgain && html`<${SignInAgain} />`}`;
}

/** Whether the first-run page should be shown before anything else. */
const isNew = () => session.value?.first_run && place.value.path === "/";

async function start() {
  const root = /** @type {HTMLElement} */ (document.getElementById("app"));
  startRouter(mayLeave);
  startKeys();
  startFocus();
  fetchAhead(routeOf(place.value.path).route);
  whenUnauthenticated(shutOut);
  // A page that the browser kept may show what is no longer this user's.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  try {
    if (place.value.path !== "/login") {
      if (!((await loadSession()) ?? (await signInNatively()))) return toLogin();
      if (isNew()) navigate("/welcome", { replace: true });
      startOrders();
      startNotifications();
      startLive(session.value?.last_event_seq ?? 0);
    }
    render(html`<${App} />`, root);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    render(html`<main id="main" class="bare"><${Failed} error=${error} retry=${() => location.reload()} what="the console" isPage /></main>`, root);
  }
}

start();
