/** Every version of one preference at one scope, the newest first. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { closeInAddress } from "../../router.js";
import { useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { Dialog } from "../../components/dialog.js";
import { JsonDiff } from "../../components/json.js";
import { Loaded } from "../../components/states.js";
/** @import { PreferenceChange, Scope } from "../../types.js" */

/** @param {{scope: Scope, name: string}} props */
export function History({ scope, name }) {
  const read = useResource(name, () => api.all("/v1/preferences/history", { scope_type: scope.type, scope_id: scope.id, key: name }));
  const valueOf = (/** @type {PreferenceChange | undefined} */ change) => (!change || change.is_deleted ? undefined : change.value);
  return html`<${Dialog} title=${`History of ${name}`} wide onClose=${() => closeInAddress("history")}>
    <${Loaded} of=${read} what="the history">
      ${(/** @type {PreferenceChange[]} */ items) => html`<ol class="changes">${items
        .map(
          (change, index) => html`<li key=${change.id}>
            <p><b>Version ${change.version}</b>${change.is_deleted && html` <span class="tag">deleted</span>`} <span class="quiet">by ${change.actor}, <${Ago} at=${change.time} /></span></p>
            ${change.reason && html`<p>${change.reason}</p>`}
            <${JsonDiff} before=${valueOf(items[index - 1])} after=${valueOf(change)} label=${`What version ${change.version} changed`} /></li>`,
        )
        .reverse()}</ol>`}
    <//>
  <//>`;
}
