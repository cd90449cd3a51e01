/** What is written and not sent: whoever holds some says so, and it is asked for before the page goes. */

/** @type {(() => boolean)[]} */
const holders = [];

/** @param {() => boolean} holds whether something would be lost with the window, though not with a page of it */
export const holdsUnsent = (holds) => void holders.push(holds);

/** Forms that were written in. @type {Set<Element>} */
const written = new Set();

/** @param {Element} form that was written in, and is lost with the page */
export const wrote = (form) => void written.add(form);

/** What was written has been taken, or given up. @param {Element[]} forms */
export const forget = (forms) => forms.forEach((form) => written.delete(form));

/** The forms that would be lost; one that was made anew is gone. @param {Element | null} [part] of the page */
export function unsentForms(part = document.body) {
  forget([...written].filter((form) => !form.isConnected));
  return [...written].filter((form) => part?.contains(form));
}

export const isUnsent = () => unsentForms().length > 0 || holders.some((holds) => holds());

// The browser asks then, in its own words.
window.addEventListener("beforeunload", (event) => isUnsent() && event.preventDefault());
