/** What a hook makes, or has made, of a request that was made up to try it. */
import { html } from "../../html.js";
import { Dialog, closeDialog, openDialog } from "../../components/dialog.js";
/** @import { Hook, HookTrial } from "../../types.js" */

/** Opens the dialog. @param {{hook: Hook, found: HookTrial}} options */
export function Tried({ hook, found }) {
  const footer = html`<button type="button" class="btn btn-primary" onClick=${closeDialog}>Done</button>`;
  const words = !found.wanted ? "Its condition does not hold for this request: nothing comes of it." : found.request_id ? "This was done:" : "This is what would be done:";
  openDialog(html`<${Dialog} key="tried" title=${`${hook.name}, tried`} wide onClose=${closeDialog} footer=${footer}>
    <p>${words}</p>
    ${found.action && html`<pre class="hook-code" tabindex="0" aria-label="Action">${JSON.stringify(found.action, null, 2)}</pre>`}
    ${found.task_id && html`<p><a href=${`/tasks/${found.task_id}`} onClick=${closeDialog}>The task that was made</a></p>`}
  <//>`);
}
