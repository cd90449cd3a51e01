/** Allow or deny, as a word with a mark. */
import { html } from "../html.js";
import { Icon } from "./icon.js";

/** @param {{decision: string, large?: boolean}} props */
export const Decision = ({ decision, large }) =>
  html`<span class=${`status ${decision === "allow" ? "is-completed" : "is-failed"}${large ? " is-large" : ""}`}>${decision === "allow" ? html`<${Icon} icon="check" />` : html`<${Icon} icon="ban" />`}${decision}</span>`;
