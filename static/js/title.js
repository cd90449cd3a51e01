/** What the window, its tab and a bookmark are called. */
import { useEffect } from "preact/hooks";

const PRODUCT = "Gateway";

/** @param {string} name of the page, or of what it shows */
export const entitle = (name) => void (document.title = `${name} – ${PRODUCT}`);

/** Names the window after the one thing that a page shows, once it is known. @param {string | null | undefined} name */
export function useTitle(name) {
  useEffect(() => {
    if (name) entitle(name);
  }, [name]);
}
