/** Every version of one preference at one scope, the newest first. */
import { html } from "../../html.js";
import { closeInAddress } from "../../router.js";
import { useFurther } from "../../endless.js";
import { about } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { Dialog } from "../../components/dialog.js";
import { JsonDiff } from "../../components/json.js";
import { ReadOn } from "../../components/rows.js";
import { Loaded } from "../../components/states.js";
/** @import { Page, PreferenceChange, Scope } from "../../types.js" */

/** @param {{scope: Scope, name: string}} props */
export function History({ scope, name }) {
  const read = useFurther("/v1/preferences/history", about("preference."), (change) => change.id, { scope_type: scope.type, scope_id: scope.id, key: name, sort: "-created_at" });
  const valueOf = (/** @type {PreferenceChange | undefined} */ change) => (!change || change.is_deleted ? undefined : change.value);
  return html`<${Dialog} title=${`History of ${name}`} wide onClose=${() => closeInAddress("history")}>
    <${Loaded} of=${read} what="the history">
      ${(/** @type {Page<PreferenceChange>} */ { items, next_cursor: next }) => html`<ol class="changes">${items.map(
          (change, index) => html`<li key=${change.id}>
            <p><b>Version ${change.version}</b>${change.is_deleted && html` <span class="tag">deleted</span>`} <span class="quiet">by ${change.actor}, <${Ago} at=${change.time} /></span></p>
            ${change.reason && html`<p>${change.reason}</p>`}
            ${(index + 1 < items.length || !next) && html`<${JsonDiff} before=${valueOf(items[index + 1])} after=${valueOf(change)} label=${`What version ${change.version} changed`} />`}</li>`,
        )}</ol>
        <${ReadOn} of=${read} count=${items.length} />`}
    <//>
  <//>`;
}
