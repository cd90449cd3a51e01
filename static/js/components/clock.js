/** Times: relative, kept up to date, the exact one on hover, on paper, or everywhere when that is wanted. */
import { signal } from "@preact/signals";
import { html } from "../html.js";
import { ago, between, dayAndTime, exactTime } from "../format.js";

/** The present, by the second, while anyone looks. */
export const now = signal(Date.now());
setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now();
}, 1000);

const KEPT = "times";
const isWanted = () => localStorage.getItem(KEPT) === "exact";

/** Whether exact times are shown. */
export const exactly = signal(isWanted());
window.addEventListener("storage", () => void (exactly.value = isWanted()));

/** Shows exact times, or again how long ago that was. */
export function toggleTimes() {
  if (exactly.value) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, "exact");
  exactly.value = isWanted();
}

/** @param {{at: string | null | undefined}} props */
export const Ago = ({ at }) =>
  at ? html`<time datetime=${at} title=${exactTime(at)}>${(exactly.value ? dayAndTime : ago)(at, now.value)}</time>` : html`<span class="quiet">–</span>`;

/** Goes on counting while there is no end. @param {{from?: string | null, to?: string | null}} props */
export const Elapsed = ({ from, to }) => html`<span class="tabular">${between(from, to, to ? 0 : now.value)}</span>`;
