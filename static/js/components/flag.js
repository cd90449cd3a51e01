/** A yes or no as a word with a mark. */
import { html, cx } from "../html.js";
import { Icon } from "./icon.js";

/** @param {{on: boolean, yes: string, no: string, bad?: boolean}} props `bad`: no is a fault, not a choice */
export const Flag = ({ on, yes, no, bad }) => html`<span class=${cx("status", on ? "is-completed" : bad && "is-failed")}>${on ? html`<${Icon} icon="check" />` : bad ? html`<${Icon} icon="x" />` : html`<${Icon} icon="ban" />`}${on ? yes : no}</span>`;
