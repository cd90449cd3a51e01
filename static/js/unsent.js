/** What is written and not sent: whoever holds some says so, and it is asked for before the page goes. */

/** @type {(() => boolean)[]} */
const holders = [];

/** @param {() => boolean} holds whether something would be lost */
export const holdsUnsent = (holds) => void holders.push(holds);

export const isUnsent = () => holders.some((holds) => holds());

// The browser asks then, in its own words.
window.addEventListener("beforeunload", (event) => isUnsent() && event.preventDefault());
