/** A status as a word with a mark, so that it never rests on colour alone. */
import { html } from "../html.js";
import { Icon } from "./icon.js";

/** @param {{status: string}} props */
function Mark({ status }) {
  switch (status) {
    case "completed":
      return html`<${Icon} icon="check" />`;
    case "failed":
      return html`<${Icon} icon="x" />`;
    case "canceled":
      return html`<${Icon} icon="ban" />`;
    case "running":
      return html`<span class="pulse" aria-hidden="true"></span>`;
    case "closed":
      return html`<${Icon} icon="lock" />`;
    case "open":
      return html`<${Icon} icon="lock-open" />`;
    case "waiting":
      return html`<${Icon} icon="hourglass" />`;
    default:
      return html`<${Icon} icon="clock" />`;
  }
}

/** @param {{status: string, large?: boolean, word?: string}} props `word`: what is said of it, where that is another word, or none */
export const Status = ({ status, large, word = status }) => html`<span class=${`status is-${status}${large ? " is-large" : ""}`}><${Mark} status=${status} />${word}</span>`;

/** @param {string} status */
export const isFinished = (status) => status === "completed" || status === "failed" || status === "canceled";
