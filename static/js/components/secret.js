/** A secret that is shown once: to copy, and then gone. */
import { html } from "../html.js";
import { copy } from "./copy.js";
import { Dialog, closeDialog, openDialog } from "./dialog.js";
import { Icon } from "./icon.js";

/** @param {{title: string, secret: string, what: string, children?: any}} options `what` names it in the message when it is copied */
export function showSecret({ title, secret, what, children }) {
  const footer = html`<button type="button" class="btn btn-primary" onClick=${closeDialog}>Done</button>`;
  openDialog(html`<${Dialog} key=${title} title=${title} onClose=${closeDialog} footer=${footer}>
    <div class="form"><p>${children ?? "Copy it now: it is not shown again."}</p>
      <div class="secret"><code tabindex="0" aria-label=${what}>${secret}</code><button type="button" class="btn btn-sm" onClick=${() => copy(secret, what)}><${Icon} icon="copy" />Copy</button></div></div>
  <//>`);
}
