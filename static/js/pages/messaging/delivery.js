/** What became of a message, and how a destination fares, each as a word with a mark. */
import { html, cx } from "../../html.js";
import { Icon } from "../../components/icon.js";

/** @param {{status: string}} props */
function Mark({ status }) {
  if (status === "delivered" || status === "succeeded" || status === "merged" || status === "good") return html`<${Icon} icon="check" />`;
  if (status === "failed" || status === "failing") return html`<${Icon} icon="x" />`;
  if (status === "pending") return html`<${Icon} icon="hourglass" />`;
  return status === "unused" ? html`<${Icon} icon="clock" />` : html`<${Icon} icon="ban" />`;
}

const GOOD = ["delivered", "succeeded", "good"];
const BAD = ["failed", "failing"];

/** @param {{status: string}} props of a delivery, of an attempt, or a destination's health */
export const DeliveryStatus = ({ status }) => html`<span class=${cx("status", GOOD.includes(status) && "is-completed", BAD.includes(status) && "is-failed", status === "pending" && "is-waiting")}><${Mark} status=${status} />${status}</span>`;
