/** Lists that go on: further pages are read as the reader comes to them, and those that are looked at are kept up to date. */
import { useRef, useState } from "preact/hooks";
import { ApiError } from "./api.js";
import { remaining } from "./going.js";
import { place, withQuery } from "./router.js";
import { useResource } from "./resource.js";
import { isOldestFirst } from "./sort.js";
/** @import { GatewayEvent } from "./types.js" */
/** @import { Resource } from "./resource.js" */

const PAGE = 100;
const LONGEST = 200;

/**
 * @typedef {{id: string, [name: string]: any}} Row
 * @typedef {{items: Row[], next_cursor: string | null}} Page
 * @typedef {{cursor: string | null, items: Row[], next: string | null}} Held a page, and where it begins
 * @typedef {{more: () => void, moreFailed: ApiError | null, look: (from: number, to: number) => void}} Further
 *   `look`: which rows are on the screen
 * @typedef {Resource<Page> & Further} Endless
 */

/** Which pages hold the rows from one to another; the first always. @param {Held[]} pages @param {number} from @param {number} to */
function inView(pages, from, to) {
  const found = [0];
  let at = 0;
  for (const [n, { items }] of pages.entries()) {
    if (n > 0 && at < to && at + items.length > from) found.push(n);
    at += items.length;
  }
  return found;
}

/**
 * A page read again, up to where the next begins: between the two nothing is lost, and nothing is there twice.
 * @param {Held} before @param {Page} now @param {Held | undefined} next @param {boolean} isUp whether the oldest come first
 * @returns {Held}
 */
function joined(before, now, next, isUp) {
  const limit = next?.items[0]?.id;
  if (!limit) return { cursor: before.cursor, items: now.items, next: now.next_cursor };
  const fresh = now.items.filter(({ id }) => (isUp ? id < limit : id > limit));
  const reached = fresh.length < now.items.length || !now.next_cursor;
  const last = fresh.at(-1)?.id ?? "";
  return { ...before, items: reached ? fresh : [...fresh, ...before.items.filter(({ id }) => (isUp ? id > last : id < last))] };
}

/**
 * A list that begins at the address's `cursor`, in the order of its `sort`: newest first unless it says `created_at`.
 * @param {Record<string, any>} filters
 * @param {(query: Record<string, any>) => Promise<any>} read a page of them
 * @param {(event: GatewayEvent) => boolean} [concerns] which events mean that it changed
 * @param {number} [settle]
 * @returns {Endless}
 */
export function useEndless(filters, read, concerns, settle) {
  const [start, sort] = ["cursor", "sort"].map((name) => place.value.query.get(name));
  const wanted = { ...filters, sort };
  const key = JSON.stringify([wanted, start]);
  const kept = useRef({ key: "", pages: /** @type {Held[]} */ ([]), from: 0, to: PAGE, isReading: false });
  const [state, setState] = useState({ moreFailed: /** @type {ApiError | null} */ (null) });

  const resource = useResource(key, async () => {
    const pages = kept.current.key === key ? [...kept.current.pages] : [];
    if (!pages.length) pages.push({ cursor: start, items: [], next: null });
    for (const n of inView(pages, kept.current.from, kept.current.to)) {
      const limit = n === 0 && pages.length > 1 ? LONGEST : PAGE;
      const page = /** @type {Page} */ (await read({ ...wanted, cursor: pages[n].cursor, limit }));
      pages[n] = joined(pages[n], page, pages[n + 1], isOldestFirst());
    }
    if (kept.current.key !== key) kept.current = { key, pages, from: 0, to: PAGE, isReading: false };
    // Pages that were added meanwhile stay.
    else kept.current.pages = [...pages, ...kept.current.pages.slice(pages.length)];
    return kept.current.pages;
  }, concerns, settle);

  const more = async () => {
    const next = kept.current.pages.at(-1)?.next;
    if (!next || kept.current.isReading || kept.current.key !== key) return;
    kept.current.isReading = true;
    try {
      const page = /** @type {Page} */ (await read({ ...wanted, cursor: next, limit: PAGE }));
      if (kept.current.key === key) kept.current.pages = [...kept.current.pages, { cursor: next, items: page.items, next: page.next_cursor }];
      setState({ moreFailed: null });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ moreFailed: error });
    } finally {
      kept.current.isReading = false;
    }
  };

  const look = (/** @type {number} */ from, /** @type {number} */ to) => {
    Object.assign(kept.current, { from, to });
    // The address keeps the page that is read, so that a bookmark and the way back lead there.
    const first = inView(kept.current.pages, from, from + 1).at(-1) ?? 0;
    const address = withQuery({ cursor: kept.current.pages[first]?.cursor });
    if (kept.current.key === key && location.pathname === place.value.path && address !== location.pathname + location.search) history.replaceState(null, "", address);
  };

  const isThere = resource.data !== null && kept.current.key === key;
  const data = isThere ? { items: remaining(kept.current.pages.flatMap(({ items }) => items)), next_cursor: kept.current.pages.at(-1)?.next ?? null } : null;
  return { ...resource, data, more, look, ...state };
}
