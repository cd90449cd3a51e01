/** Data of the API as a page holds it: loading, there, failed; read again when an event says so. */
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.js";
import { remaining } from "./going.js";
import { connection, listen } from "./live.js";
/** @import { GatewayEvent } from "./types.js" */

const SETTLE_MS = 150;

/**
 * @template T
 * @typedef {{data: T | null, error: ApiError | null, loading: boolean, reload: () => Promise<void>}} Resource
 */

/** A page of a list without what is about to be deleted; anything else as it is. @template T @param {T} data @returns {T} */
function withoutGoing(data) {
  const items = /** @type {any} */ (data)?.items;
  if (!Array.isArray(items)) return data;
  const left = remaining(items);
  return left === items ? data : { ...data, items: left };
}

/**
 * @template T
 * @param {string} key what is read; another key is another thing
 * @param {() => Promise<T>} read
 * @param {(event: GatewayEvent) => boolean} [concerns] which events mean that it changed
 * @param {number} [settle] how many milliseconds of events are answered by one reading
 * @returns {Resource<T>}
 */
export function useResource(key, read, concerns, settle = SETTLE_MS) {
  const [state, setState] = useState(/** @type {{key: string, data: T | null, error: ApiError | null, loading: boolean}} */ ({ key, data: null, error: null, loading: true }));
  const latest = useRef({ key, read, concerns, turn: 0, isFailed: false });
  latest.current.key = key;
  latest.current.read = read;
  latest.current.concerns = concerns;

  const reload = useCallback(async () => {
    const turn = ++latest.current.turn;
    const readingKey = latest.current.key;
    try {
      const data = await latest.current.read();
      if (turn !== latest.current.turn) return;
      latest.current.isFailed = false;
      setState({ key: readingKey, data, error: null, loading: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (turn !== latest.current.turn) return;
      latest.current.isFailed = true;
      setState((old) => ({ key: readingKey, data: old.key === readingKey ? old.data : null, error, loading: false }));
    }
  }, []);

  // Before the page is painted, not after: what is asked for is on its way meanwhile.
  useLayoutEffect(() => {
    reload();
    return () => void latest.current.turn++;
  }, [key]);

  useLayoutEffect(() => {
    /** @type {number | undefined} */
    let timer;
    const stop = listen((event) => {
      if (event && !latest.current.concerns?.(event)) return;
      if (timer === undefined) {
        timer = setTimeout(() => {
          timer = undefined;
          reload();
        }, settle);
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);

  // No event tells that the gateway, which could not be reached, is there again.
  useLayoutEffect(() => connection.subscribe((now) => void (now === "live" && latest.current.isFailed && reload())), []);

  if (state.key !== key) return { data: null, error: null, loading: true, reload };
  return { data: withoutGoing(state.data), error: state.error, loading: state.loading, reload };
}

/** Events whose name begins with one of these. @param {...string} beginnings @returns {(event: GatewayEvent) => boolean} */
export const about =
  (...beginnings) =>
  (event) =>
    beginnings.some((beginning) => event.name.startsWith(beginning));
