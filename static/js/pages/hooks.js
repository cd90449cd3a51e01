/** Hooks: addresses that other programs and chats post to, and what comes of it. */
import { html } from "../html.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { about } from "../resource.js";
import { change, destroy as remove } from "../components/changes.js";
import { copy } from "../components/copy.js";
import { confirmFirst } from "../components/dialog.js";
import { Flag } from "../components/flag.js";
import { CREATED, List, menuColumn, rowMenu } from "../components/list.js";
import { showSecret } from "../components/secret.js";
import { Section } from "../components/section.js";
import { Empty } from "../components/states.js";
import { Tabs } from "../components/tabs.js";
import { MESSAGING_TABS } from "../routes.js";
import { DOES, add, edit, rotate } from "./hooks/editor.js";
/** @import { Hook, HookWithSecret } from "../types.js" */

/** As one word of a shell. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The secret, this once, with a line that uses it. @param {HookWithSecret} hook */
export const showNew = (hook) =>
  showSecret({
    title: `The secret of ${hook.name}`,
    secret: hook.secret,
    what: "Secret",
    children: html`Copy it now: it is not shown again. Give it to whoever posts to <code class="hook-url">${hook.url}</code>.`,
    use: { about: "Or try it now, in a shell:", what: "Line of curl", text: `HOOK_SECRET=${quoted(hook.secret)}; ${hook.curl}` },
  });

/** @param {Hook} hook @param {() => void} done */
export const destroy = (hook, done) =>
  confirmFirst({
    title: `Delete ${hook.name}?`,
    text: html`Whoever posts to <b>${hook.name}</b> is turned away from then on. Its secret and the requests that came are deleted; what it made stays.`,
    action: "Delete hook",
    run: () => remove(`/v1/hooks/${hook.id}`, hook.name).then(done),
  });

/** @param {Hook} hook @param {() => void} done */
export const set = (hook, done) => change(`/v1/hooks/${hook.id}`, hook, { enabled: !hook.enabled }, `${hook.name} ${hook.enabled ? "disabled" : "enabled"}`, done);

const STATES = /** @type {const} */ ([["", "all"], ["true", "enabled"], ["false", "disabled"]]);

export default function HooksPage() {
  const query = place.value.query;
  const filters = { enabled: query.get("enabled") };
  const list = useEndless(filters, (wanted) => api.get("/v1/hooks", wanted), about("hook."));
  const made = (/** @type {HookWithSecret} */ hook) => (list.reload(), showNew(hook));
  const columns = [
    { head: "Hook", class: "cell-name", cell: (/** @type {Hook} */ hook) => html`<a class="row-link" href=${`/messaging/hooks/${hook.id}`}>${hook.name}</a> <span class="quiet">${hook.description}</span>` },
    { head: "Proof", cell: (/** @type {Hook} */ hook) => hook.verify.replaceAll("_", " ") },
    { head: "Does", cell: (/** @type {Hook} */ hook) => DOES[hook.action.kind] ?? hook.action.kind },
    { head: "State", cell: (/** @type {Hook} */ hook) => html`<${Flag} on=${hook.enabled} yes="enabled" no="disabled" />` },
    CREATED,
    menuColumn((/** @type {Hook} */ hook) =>
      rowMenu(hook.name, [
        { label: "Copy address", icon: "copy", run: () => void copy(hook.url, "Address") },
        can("hooks.update") && { label: "Edit…", icon: "pencil", run: () => edit(hook, list.reload) },
        can("hooks.rotate") && { label: "New secret…", icon: "refresh", run: () => rotate(hook, made) },
        can("hooks.update") && { label: hook.enabled ? "Disable" : "Enable", icon: "power", run: () => void set(hook, list.reload) },
        can("hooks.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(hook, list.reload) },
      ]),
    ),
  ];
  return html`<div class="page-head"><h1>Messaging</h1></div>
    <${Tabs} tabs=${MESSAGING_TABS} label="Messaging" />
    <${Section} title="Hooks" about="Addresses that other programs post to. What comes, proved by a secret, makes work or tells of it." add=${can("hooks.create") && "New hook"} onAdd=${() => add(made)}>
    <div class="filters"><nav class="filter-set" aria-label="State">
      ${STATES.map(([value, label]) => html`<a href=${withQuery({ enabled: value, cursor: null })} aria-current=${value === (filters.enabled ?? "") ? "true" : null}>${label}</a>`)}
    </nav></div>
    <${List} of=${list} what="the hooks" columns=${columns} empty=${html`<${Empty} title="No hooks yet">A hook lets another program – GitHub, a build server, a chat – start work here.<//>`} />
    <//>`;
}
