/** Where another user is signed in and which tokens they have; each is ended by itself. */
import { html } from "../../html.js";
import { userName } from "../../format.js";
import * as api from "../../api.js";
import { closeInAddress } from "../../router.js";
import { can } from "../../session.js";
import { useFurther } from "../../endless.js";
import { useResource } from "../../resource.js";
import { Dialog } from "../../components/dialog.js";
import { Table } from "../../components/list.js";
import { SESSION_COLUMNS, TOKEN_COLUMNS } from "../../components/sign-ins.js";
import { RowsEnd } from "../../components/rows.js";
import { Loaded } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { LoginSession, Page, Token } from "../../types.js" */

/** @param {{title: string, path: string, columns: any[], verb: string, done: string, none: string}} props what `path` lists, each with a button that ends it */
function Ended({ title, path, columns, verb, done, none }) {
  const list = useFurther(path);
  const end = (/** @type {LoginSession | Token} */ one) => attempt(() => api.remove(`${path}/${one.id}`), done).then(list.reload);
  const shown = [...columns, { head: "", class: "cell-actions", cell: (/** @type {LoginSession | Token} */ one) => can("users.revoke_sessions") && html`<button type="button" class="btn btn-sm" onClick=${() => end(one)}>${verb}</button>` }];
  return html`<section aria-label=${title}><h3>${title}</h3>
    <${Loaded} of=${list} what=${title.toLowerCase()}>
      ${(/** @type {Page<any>} */ page) => (page.items.length ? html`<${Table} columns=${shown} rows=${page.items} label=${title.toLowerCase()} of=${list} /><${RowsEnd} of=${list} />` : html`<p class="quiet">${none}</p>`)}
    <//></section>`;
}

/** @param {{id: string}} props the user that the address names */
export function SignIns({ id }) {
  const path = `/v1/users/${encodeURIComponent(id)}`;
  const user = useResource(id, () => api.get(path));
  return html`<${Dialog} title=${user.data ? `Signed in as ${userName(user.data)}` : "Sessions and tokens"} onClose=${() => closeInAddress("user")} wide>
    <${Ended} title="Sessions" path=${`${path}/sessions`} columns=${SESSION_COLUMNS} verb="End" done="Session ended" none="Signed in nowhere." />
    <${Ended} title="API tokens" path=${`${path}/tokens`} columns=${TOKEN_COLUMNS} verb="Revoke" done="Token revoked" none="No tokens." />
  <//>`;
}
