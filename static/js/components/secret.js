/** A secret that is shown once: to copy, and then gone. The dialog begins at copying it, so that a key pressed twice loses nothing. */
import { html } from "../html.js";
import { copy } from "./copy.js";
import { Dialog, closeDialog, openDialog } from "./dialog.js";
import { Icon } from "./icon.js";

/** @param {{text: string, what: string, label?: string, first?: boolean}} props `label`: the button's, where there is another; `what` names it in the message when it is copied */
const ToCopy = ({ text, what, label, first }) => html`<div class="secret"><code tabindex="0" aria-label=${what}>${text}</code><button type="button" class="btn btn-sm" aria-label=${label} autofocus=${first} onClick=${() => copy(text, what)}><${Icon} icon="copy" />Copy</button></div>`;

/** @param {{title: string, secret: string, what: string, children?: any, use?: {text: string, what: string, about: string}}} options `use`: a line that uses it */
export function showSecret({ title, secret, what, children, use }) {
  const footer = html`<button type="button" class="btn btn-primary" onClick=${closeDialog}>Done</button>`;
  openDialog(html`<${Dialog} key=${title} title=${title} onClose=${closeDialog} footer=${footer}>
    <div class="form"><p>${children ?? "Copy it now: it is not shown again."}</p>
      <${ToCopy} text=${secret} what=${what} first />${use && html`<p>${use.about}</p><${ToCopy} text=${use.text} what=${use.what} label=${`Copy the ${use.what.toLowerCase()}`} />`}</div>
  <//>`);
}
