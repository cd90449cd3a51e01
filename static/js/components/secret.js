/** A secret that is shown once: to copy, and then gone. The dialog begins at copying it, so that a key pressed twice loses nothing. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { copy } from "./copy.js";
import { Dialog, closeDialog, openDialog } from "./dialog.js";
import { Icon } from "./icon.js";

/** @typedef {{title: string, secret: string, what: string, children?: any, use?: {text: string, what: string, about: string}}} Shown `use`: a line that uses it */

/** @param {{text: string, what: string, label?: string, first?: boolean, onCopied?: () => void}} props `label`: the button's, where there is another; `what` names it in the message when it is copied */
const ToCopy = ({ text, what, label, first, onCopied }) => html`<div class="secret"><code tabindex="0" aria-label=${what} onCopy=${onCopied}>${text}</code><button type="button" class="btn btn-sm" aria-label=${label} autofocus=${first} onClick=${async () => (await copy(text, what)) && onCopied?.()}><${Icon} icon="copy" />Copy</button></div>`;

/** @param {Shown} props */
function Secret({ title, secret, what, children, use }) {
  const [isCopied, setCopied] = useState(false);
  const footer = html`<button type="button" class="btn btn-primary" onClick=${closeDialog}>Done</button>`;
  return html`<${Dialog} title=${title} onClose=${closeDialog} footer=${footer} warning=${isCopied ? undefined : "It was not copied, and is not shown again."}>
    <div class="form"><p>${children ?? "Copy it now: it is not shown again."}</p>
      <${ToCopy} text=${secret} what=${what} first onCopied=${() => setCopied(true)} />${use && html`<p>${use.about}</p><${ToCopy} text=${use.text} what=${use.what} label=${`Copy the ${use.what.toLowerCase()}`} onCopied=${() => setCopied(true)} />`}</div>
  <//>`;
}

/** @param {Shown} shown */
export const showSecret = (shown) => openDialog(html`<${Secret} key=${shown.title} ...${shown} />`);
