/** One hook: its address and how to post to it, what it does, what came, and trying it out. */
import { html } from "../html.js";
import * as api from "../api.js";
import { navigate } from "../router.js";
import { can } from "../session.js";
import { about, useResource } from "../resource.js";
import { useTitle } from "../title.js";
import { Ago } from "../components/clock.js";
import { copy } from "../components/copy.js";
import { Flag } from "../components/flag.js";
import { openForm } from "../components/form.js";
import { Icon } from "../components/icon.js";
import { Menu } from "../components/menu.js";
import { Section } from "../components/section.js";
import { Loaded } from "../components/states.js";
import { toast } from "../components/toast.js";
import { DOES, edit, rotate } from "./hooks/editor.js";
import { Requests } from "./hooks/requests.js";
import { Tried } from "./hooks/tried.js";
import { destroy, set, showNew } from "./hooks.js";
/** @import { Hook, HookTrial, HookWithSecret } from "../types.js" */

/** @param {Hook} hook */
const tryOut = (hook) =>
  openForm({
    title: `Try ${hook.name}`,
    action: "Try",
    wide: true,
    initial: { body: hook.sample?.body ?? { text: "hello" }, headers: hook.sample?.headers ?? {}, run: false },
    fields: [
      { name: "body", label: "Body", kind: "json", required: true },
      { name: "headers", label: "Headers", kind: "json" },
      { name: "run", label: "Act on it, as if it had come from outside", kind: "switch" },
    ],
    send: ({ body, headers, run }) => api.post(`/v1/hooks/${hook.id}/test`, { body, headers: headers ?? {}, run }),
    done: (/** @type {HookTrial} */ found) => Tried({ hook, found }),
  });

/** @param {{hook: Hook, reload: () => void}} props */
function Head({ hook, reload }) {
  const made = (/** @type {HookWithSecret} */ changed) => (reload(), showNew(changed));
  const items = [
    can("hooks.rotate") && { label: "New secret…", icon: "refresh", run: () => rotate(hook, made) },
    can("hooks.update") && { label: hook.enabled ? "Disable" : "Enable", icon: "power", run: () => void set(hook, reload) },
    can("hooks.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(hook, () => navigate("/messaging/hooks")) },
  ].filter(Boolean);
  return html`<nav class="crumbs quiet" aria-label="Lies in"><a href="/messaging/hooks">Hooks</a></nav>
    <div class="page-head is-task"><div class="task-title"><h1>${hook.name}</h1><${Flag} on=${hook.enabled} yes="enabled" no="disabled" /></div>
    <div class="actions">
      ${can("hooks.test") && html`<button type="button" class="btn btn-primary btn-sm" onClick=${() => tryOut(hook)}><${Icon} icon="player-play" />Try it</button>`}
      ${can("hooks.update") && html`<button type="button" class="btn btn-sm" onClick=${() => edit(hook, () => (reload(), toast(`${hook.name} saved`)))}><${Icon} icon="pencil" />Edit</button>`}
      ${items.length > 0 && html`<${Menu} label=${`Actions for ${hook.name}`} items=${items} />`}
    </div></div>`;
}

/** @param {{label: string, text: string}} props */
const Line = ({ label, text }) => html`<div class="hook-line"><pre class="hook-code" tabindex="0" aria-label=${label}>${text}</pre>
  <button type="button" class="btn btn-sm" onClick=${() => copy(text, label)} aria-label=${`Copy ${label.toLowerCase()}`}><${Icon} icon="copy" />Copy</button></div>`;

/** @param {{hook: Hook}} props */
const HowTo = ({ hook }) => html`<${Section} title="Post to it" about="Put the secret into HOOK_SECRET. It is not shown again; make a new one when it is lost.">
  <div class="card panel hook-panel">
    <${Line} label="Address" text=${hook.url} />
    <${Line} label="Line of curl" text=${hook.curl} />
    <p class="quiet">${hook.secrets.map((secret, number) => html`${number > 0 ? "; another one" : "Its secret was"} made <${Ago} at=${secret.created_at} />${secret.expires_at && html`, ends <${Ago} at=${secret.expires_at} />`}`)}</p>
  </div>
<//>`;

/** @param {{hook: Hook}} props */
const Does = ({ hook }) => html`<${Section} title="What it does" about=${html`It ${DOES[hook.action.kind] ?? hook.action.kind}, for requests proved by ${hook.verify.replaceAll("_", " ")}.`}>
  <div class="card panel hook-panel">
    ${hook.condition && html`<p>Only when <code>${hook.condition}</code></p>`}
    <pre class="hook-code" tabindex="0" aria-label="Action">${JSON.stringify(hook.action, null, 2)}</pre>
  </div>
<//>`;

/** @param {{id: string}} props */
export default function HookPage({ id }) {
  const read = useResource(id, () => api.get(`/v1/hooks/${id}`), about("hook."));
  useTitle(read.data?.name);
  return html`<${Loaded} of=${read} what="the hook" isPage>
    ${(/** @type {Hook} */ hook) => html`<${Head} hook=${hook} reload=${read.reload} />
      <div class="sections"><${HowTo} hook=${hook} /><${Does} hook=${hook} />
        <${Section} title="What came" about="The newest requests, without their secrets."><${Requests} hook=${hook} /><//></div>`}
  <//>`;
}
