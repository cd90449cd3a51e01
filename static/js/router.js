/** Where we are: the address as a signal, moving without a page load, filters kept in the query. */
import { signal } from "@preact/signals";
import { fetchAhead, isPage, routeOf } from "./routes.js";

const here = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export const place = signal(here());

/** Which entry of the history is shown; the first has no number. */
const entry = () => history.state?.entry ?? 0;
let shown = entry();

/** Whether another page may take the place of this one; where it asks the user, they go or try again. @type {(go: () => void) => boolean} */
let mayLeave = () => true;

/**
 * @param {string} address a path of the console, with its query
 * @param {{replace?: boolean}} [options]
 */
export function navigate(address, { replace = false } = {}) {
  const moves = new URL(address, location.href).pathname !== place.value.path;
  if (moves && !mayLeave(() => navigate(address, { replace }))) return;
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState({ entry: ++shown }, "", address);
  if (!replace) scrolled.delete(shown);
  if (moves) fetchAhead(routeOf(location.pathname).route);
  place.value = here();
  if (moves) window.scrollTo(0, 0);
}

/**
 * The current address with some of its query changed; empty values are taken out.
 * @param {Record<string, string | null | undefined>} changes
 */
export function withQuery(changes) {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return place.value.path + (text ? `?${text}` : "");
}

/** Closes what the address has opened; the way back then leads past it. @param {string} name in the query */
export const closeInAddress = (name) => navigate(withQuery({ [name]: null }), { replace: true });

/** How far each entry of the history was scrolled down, in pixels. @type {Map<number, number>} */
const scrolled = new Map();

/** For how long a row is looked for once the page is there. */
const RETURN_MS = 3000;
const LOOK_MS = 50;

/**
 * Scrolls to where one was before, and puts the focus on the row that leads to where one comes back from, as soon as it is there.
 * @param {string} left the path of that @param {number} y
 */
function returnFrom(left, y) {
  const there = place.value;
  let until = Infinity;
  let isFar = y > 0;
  const look = () => {
    const isLoading = document.querySelector("#main .loading") !== null;
    until = isLoading ? Infinity : Math.min(until, Date.now() + RETURN_MS);
    if (place.value !== there || Date.now() > until) return;
    if (isFar && !isLoading && document.documentElement.scrollHeight >= y + innerHeight) {
      window.scrollTo(0, y);
      isFar = false;
    }
    const row = left === there.path ? null : document.querySelector(`#main .row-link[href=${JSON.stringify(left)}]`);
    // Whoever has gone on by themselves meanwhile is left alone.
    if (row instanceof HTMLElement && (document.activeElement === document.body || document.activeElement?.id === "main")) row.focus({ preventScroll: !isFar });
    if (isFar || !row) setTimeout(look, LOOK_MS);
  };
  setTimeout(look, LOOK_MS);
}

/** Where a link leads to within the console; nothing for any other. @param {EventTarget | null} target @returns {URL | null} */
function leadsTo(target) {
  const link = /** @type {Element} */ (target).closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return null;
  const url = new URL(link.href);
  return url.origin === location.origin && !link.getAttribute("href")?.startsWith("#") && isPage(url.pathname) ? url : null;
}

/** Makes the console's own links move without a page load, and has what they lead to fetched once one points at them. @param {(go: () => void) => boolean} asked */
export function startRouter(asked) {
  mayLeave = asked;
  window.addEventListener("popstate", () => {
    const step = entry() - shown;
    // The browser has gone there already.
    if (place.value.path !== location.pathname && !mayLeave(() => history.go(step))) return history.go(-step);
    shown = entry();
    const [left, y] = [place.value.path, scrolled.get(shown) ?? 0];
    place.value = here();
    returnFrom(left, y);
  });
  window.addEventListener("scroll", () => void scrolled.set(entry(), window.scrollY), { passive: true });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const url = leadsTo(event.target);
    if (!url) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
  for (const pointing of ["pointerover", "focusin"]) {
    document.addEventListener(pointing, ({ target }) => {
      const url = leadsTo(target);
      if (url) fetchAhead(routeOf(url.pathname).route);
    });
  }
}
