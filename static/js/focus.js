/** The focus is never lost: when what has it goes, the same thing made anew takes it, or what stands next to it. */

const REACHED = ["a[href]", "button", "input", "select", "textarea", "summary", "[tabindex]"].map((what) => `${what}:not(:disabled, [tabindex="-1"])`).join();

/**
 * @typedef {object} Held a thing that has or had the focus, and what was around it then
 * @property {HTMLElement} element
 * @property {string} path of the page
 * @property {Element[]} within what it lies in, the nearest first
 * @property {HTMLElement[]} around all else that Tab reaches: what follows, then what comes before, the nearest first
 */

/** @type {Element | null} what has the focus, or had it last */
let current = null;
/** @type {Held | null} the same, but in the page: a message is only passed through */
let held = null;

/** Where the focus is, to bring it back there. */
export const whereFocusIs = () => held;

/** @param {HTMLElement} element @returns {Held} */
function hold(element) {
  const within = [];
  for (let one = element.parentElement; one; one = one.parentElement) within.push(one);
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(REACHED)]);
  const follows = (/** @type {HTMLElement} */ one) => element.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING;
  const around = [...all.filter(follows), ...all.filter((one) => one !== element && !follows(one)).reverse()];
  return { element, path: location.pathname, within, around };
}

const isNowhere = () => !document.activeElement || document.activeElement === document.body;

/** Whether it could be focused. @param {HTMLElement | null} element */
function take(element) {
  element?.focus({ preventScroll: true });
  return element !== null && document.activeElement === element;
}

const nameOf = (/** @type {Element} */ one) => `${one.tagName} ${one.getAttribute("href")} ${one.getAttribute("aria-label") ?? one.textContent}`;

/** Puts the focus where it was. @param {Held | null} place */
export function bringBack(place) {
  if (!place || take(place.element)) return;
  const { element, path, within, around } = place;
  const scopes = within.filter((one) => one.isConnected);
  const toMain = scopes.slice(0, 1 + scopes.findIndex(({ id }) => id === "main"));
  for (const scope of toMain) {
    const twins = /** @type {HTMLElement[]} */ ([...scope.querySelectorAll(REACHED)].filter((one) => nameOf(one) === nameOf(element)));
    if (twins.length === 1 && take(twins[0])) return;
  }
  // What is held up, or is being read, comes back; another page is read from its top.
  if (element.matches(":disabled") || scopes[0]?.querySelector(".loading") || path !== location.pathname) return;
  for (const scope of scopes) {
    if (around.some((one) => scope.contains(one) && take(one)) || (scope.id === "main" && take(/** @type {HTMLElement} */ (scope)))) return;
  }
}

/** Keeps watch over the focus. */
export function startFocus() {
  document.addEventListener("focusin", ({ target }) => {
    current = /** @type {HTMLElement} */ (target);
    if (!current.closest(".toasts")) held = hold(/** @type {HTMLElement} */ (current));
  });
  // Whoever points at nothing wants it nowhere.
  document.addEventListener("pointerdown", () => void (current = held = null), { capture: true });
  const look = () => void (current && isNowhere() && bringBack(held));
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled"] });
}
