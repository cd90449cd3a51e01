/** Times: relative, kept up to date, the exact one on hover. */
import { signal } from "@preact/signals";
import { html } from "../html.js";
import { ago, between, exactTime } from "../format.js";

/** The present, by the second, while anyone looks. */
export const now = signal(Date.now());
setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now();
}, 1000);

/** @param {{at: string | null | undefined}} props */
export const Ago = ({ at }) =>
  at ? html`<time datetime=${at} title=${exactTime(at)}>${ago(at, now.value)}</time>` : html`<span class="quiet">–</span>`;

/** Goes on counting while there is no end. @param {{from?: string | null, to?: string | null}} props */
export const Elapsed = ({ from, to }) => html`<span class="tabular">${between(from, to, to ? 0 : now.value)}</span>`;
