/** Where we are: the address as a signal, moving without a page load, filters kept in the query. */
import { signal } from "@preact/signals";
import { isPage } from "./routes.js";

const here = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export const place = signal(here());

/**
 * @param {string} address a path of the console, with its query
 * @param {{replace?: boolean}} [options]
 */
export function navigate(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  const moved = place.value.path !== location.pathname;
  place.value = here();
  if (moved) window.scrollTo(0, 0);
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

const RETURN_MS = 3000;
const LOOK_MS = 50;

/** Puts the focus on the row that leads to where one comes back from, as soon as it is there. @param {string} left the path of that */
function returnFrom(left) {
  const [there, until] = [place.value, Date.now() + RETURN_MS];
  const look = () => {
    if (place.value !== there || Date.now() > until) return;
    const row = document.querySelector(`#main .row-link[href=${JSON.stringify(left)}]`);
    if (!(row instanceof HTMLElement)) return void setTimeout(look, LOOK_MS);
    // Whoever has gone on by themselves meanwhile is left alone.
    if (document.activeElement === document.body || document.activeElement?.id === "main") row.focus();
  };
  look();
}

/** Makes the console's own links move without a page load. */
export function startRouter() {
  window.addEventListener("popstate", () => {
    const left = place.value.path;
    place.value = here();
    if (place.value.path !== left) returnFrom(left);
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = /** @type {Element} */ (event.target).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || link.getAttribute("href")?.startsWith("#") || !isPage(url.pathname)) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
}
