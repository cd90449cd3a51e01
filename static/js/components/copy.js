/** Copying to the clipboard, and ids that are short to read and whole when copied. */
import { html } from "../html.js";
import { shortId } from "../format.js";
import { toast } from "./toast.js";
import { Icon } from "./icon.js";

/** Whether it could be copied. @param {string} text @param {string} what named in the message */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`, { kind: "info" });
    return true;
  } catch {
    toast("The browser refused access to the clipboard.", { kind: "failed" });
    return false;
  }
}

/** @param {{id: string, what?: string}} props */
export const Id = ({ id, what = "Id" }) => html`<button type="button" class="id" data-id=${id} title=${`${id} – click to copy`} aria-label=${`${shortId(id)}: copy ${what.toLowerCase()}`} onClick=${() => copy(id, what)}>
  ${shortId(id)}<${Icon} icon="copy" />
</button>`;
