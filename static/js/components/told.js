/** A sentence of the gateway's, in which commands and names stand between backticks. */
import { html } from "../html.js";

/** @param {{text?: string | null}} props */
export const Told = ({ text }) => html`${(text ?? "").split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part))}`;
