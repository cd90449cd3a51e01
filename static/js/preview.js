/** What something being written would come to, asked of the gateway while it is written. */
import { useEffect, useState } from "preact/hooks";
import * as api from "./api.js";
import { ApiError } from "./api.js";

const SETTLE_MS = 250;

/**
 * The answer to what was written last, once the writer rests; or why there is none.
 * @param {string} path asked by POST @param {Record<string, any> | null} body nothing is asked without
 * @returns {{found?: any, error?: string}}
 */
export function usePreview(path, body) {
  const [shown, setShown] = useState(/** @type {{found?: any, error?: string}} */ ({}));
  useEffect(() => {
    if (!body) return setShown({});
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const found = await api.post(path, body);
        if (current) setShown({ found });
      } catch (problem) {
        if (!(problem instanceof ApiError)) throw problem;
        if (current) setShown({ error: problem.errors[0]?.message ?? problem.message });
      }
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [JSON.stringify([path, body])]);
  return shown;
}
