/** Lists that go on: further pages are read as the reader comes to them, and those that are looked at are kept up to date. */
import { useRef, useState } from "preact/hooks";
import * as api from "./api.js";
import { remaining } from "./going.js";
import { place, withQuery } from "./router.js";
import { useResource } from "./resource.js";
import { isAsMade, isOldestFirst } from "./sort.js";
/** @import { GatewayEvent } from "./types.js" */
/** @import { Resource } from "./resource.js" */

const PAGE = 100;
const LONGEST = 200;

/**
 * @typedef {{id: string, [name: string]: any}} Row
 * @typedef {{items: Row[], next_cursor: string | null}} Page
 * @typedef {{cursor: string | null, items: Row[], next: string | null}} Held a page, and where it begins
 * @typedef {{more: () => void, moreFailed: api.ApiError | null, look: (from: number, to: number) => void, inAddress: boolean, isWhole: boolean}} Further
 *   `look`: which rows are on the screen; `inAddress`: whether the address keeps how far one has read; `isWhole`: whether it was read from its beginning
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

/** The rows of all pages, each once: it may have gone from one to another between two readings. @param {Held[]} pages */
const rowsOf = (pages) => [...new Map(pages.flatMap(({ items }) => items.map((row) => /** @type {[string, Row]} */ ([row.id, row])))).values()];

/**
 * Pages on the screen read again, each from where the one before it ends by now. What was read further on is left, since
 * rows may have gone anywhere: it is read again as the reader comes to it.
 * @param {Held[]} pages @param {number[]} inView @param {(cursor: string | null) => Promise<Page>} read @returns {Promise<Held[]>}
 */
async function readAgain(pages, inView, read) {
  const [first, last] = [inView[0], inView[inView.length - 1]];
  /** @type {Held[]} */
  const fresh = [];
  let cursor = pages[first].cursor;
  for (let n = first; n <= last; n++) {
    const page = await read(cursor);
    fresh.push({ cursor, items: page.items, next: page.next_cursor });
    if (!page.next_cursor) break;
    cursor = page.next_cursor;
  }
  const there = new Set(fresh.flatMap(({ items }) => items.map(({ id }) => id)));
  const before = pages.slice(0, first);
  for (const page of before) page.items = page.items.filter(({ id }) => !there.has(id));
  return [...before, ...fresh];
}

/**
 * @param {{key: string, start: string | null, isOrdered: boolean, inAddress: boolean}} list where it begins, whether what
 *   is new comes at an end, whether the address keeps how far one has read
 * @param {(cursor: string | null, limit: number) => Promise<Page>} read
 * @param {(event: GatewayEvent) => boolean} [concerns]
 * @param {number} [settle]
 * @returns {Endless}
 */
function usePages({ key, start, isOrdered, inAddress }, read, concerns, settle) {
  const kept = useRef({ key: "", pages: /** @type {Held[]} */ ([]), from: 0, to: PAGE, isReading: false, isCatchingUp: false });
  /** Pages that were not on the screen when something had changed: read again when they are. */
  const stale = useRef(/** @type {WeakSet<Held>} */ (new WeakSet()));
  const [state, setState] = useState({ moreFailed: /** @type {api.ApiError | null} */ (null) });

  const resource = useResource(key, async () => {
    const before = kept.current.key === key ? kept.current.pages : [];
    const pages = before.length ? [...before] : [{ cursor: start, items: [], next: null }];
    const shown = inView(pages, kept.current.from, kept.current.to);
    // Where nothing else has changed, what was up to date is so still.
    const outdate = kept.current.isCatchingUp ? () => {} : (/** @type {Held} */ page) => void stale.current.add(page);
    kept.current.isCatchingUp = false;
    if (isOrdered) {
      for (const n of shown) {
        const page = await read(pages[n].cursor, n === 0 && pages.length > 1 ? LONGEST : PAGE);
        pages[n] = joined(pages[n], page, pages[n + 1], isOldestFirst());
      }
      pages.forEach((page, n) => shown.includes(n) || outdate(page));
    } else {
      const isAtTop = shown.length === 1 || kept.current.from < pages[0].items.length;
      const there = isAtTop ? shown : shown.slice(1);
      pages.splice(0, pages.length, ...(await readAgain(pages, there, (cursor) => read(cursor, PAGE))));
      pages.slice(0, there[0]).forEach(outdate);
    }
    if (kept.current.key !== key) kept.current = { key, pages, from: 0, to: PAGE, isReading: false, isCatchingUp: false };
    // Pages that were added meanwhile stay where they follow.
    else kept.current.pages = isOrdered ? [...pages, ...kept.current.pages.slice(pages.length)] : pages;
    return kept.current.pages;
  }, concerns, settle);

  const more = async () => {
    const next = kept.current.pages.at(-1)?.next;
    if (!next || kept.current.isReading || kept.current.key !== key) return;
    kept.current.isReading = true;
    try {
      const page = await read(next, PAGE);
      // Where the list was read again meanwhile, and ends elsewhere, it goes on from there.
      if (kept.current.key === key && kept.current.pages.at(-1)?.next === next) kept.current.pages = [...kept.current.pages, { cursor: next, items: page.items, next: page.next_cursor }];
      setState({ moreFailed: null });
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      setState({ moreFailed: error });
    } finally {
      kept.current.isReading = false;
    }
  };

  const look = (/** @type {number} */ from, /** @type {number} */ to) => {
    Object.assign(kept.current, { from, to });
    const { pages } = kept.current;
    const outdated = inView(pages, from, to).map((n) => pages[n]).filter((page) => page && stale.current.has(page) && (page !== pages[0] || from < page.items.length));
    outdated.forEach((page) => stale.current.delete(page));
    if (outdated.length) {
      kept.current.isCatchingUp = true;
      resource.reload();
    }
    if (!inAddress) return;
    // The address keeps the page that is read, so that a bookmark and the way back lead there.
    const first = inView(kept.current.pages, from, from + 1).at(-1) ?? 0;
    const address = withQuery({ cursor: kept.current.pages[first]?.cursor });
    if (kept.current.key === key && location.pathname === place.value.path && address !== location.pathname + location.search) history.replaceState(history.state, "", address);
  };

  const isThere = resource.data !== null && kept.current.key === key;
  const data = isThere ? { items: remaining(rowsOf(kept.current.pages)), next_cursor: kept.current.pages.at(-1)?.next ?? null } : null;
  return { ...resource, data, more, look, inAddress, isWhole: !start, ...state };
}

/**
 * A list that begins at the address's `cursor`, in the order of its `sort`: newest first unless it says otherwise.
 * @param {Record<string, any>} filters
 * @param {(query: Record<string, any>) => Promise<any>} read a page of them
 * @param {(event: GatewayEvent) => boolean} [concerns] which events mean that it changed
 * @param {number} [settle]
 * @returns {Endless}
 */
export function useEndless(filters, read, concerns, settle) {
  const [start, sort] = ["cursor", "sort"].map((name) => place.value.query.get(name));
  const wanted = { ...filters, sort };
  const list = { key: JSON.stringify([wanted, start]), start, isOrdered: isAsMade(), inAddress: true };
  return usePages(list, (cursor, limit) => read({ ...wanted, cursor, limit }), concerns, settle);
}

/**
 * A list beside others, or in a dialog: the address says nothing of it.
 * @param {string} path
 * @param {(event: GatewayEvent) => boolean} [concerns]
 * @param {(row: any) => string} [keyOf] what each row is known by, where it has no id
 * @param {Record<string, any>} [filters]
 * @returns {Endless}
 */
export function useFurther(path, concerns, keyOf = (row) => row.id, filters = {}) {
  const read = async (/** @type {string | null} */ cursor, /** @type {number} */ limit) => {
    const page = await api.get(path, { ...filters, cursor, limit });
    return { ...page, items: page.items.map((/** @type {any} */ row) => ({ ...row, id: keyOf(row) })) };
  };
  return usePages({ key: path + JSON.stringify(filters), start: null, isOrdered: false, inAddress: false }, read, concerns);
}
