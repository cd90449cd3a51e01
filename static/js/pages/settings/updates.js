/** Updates: the release that runs, what to do before the next one, and what is new. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { copy } from "../../components/copy.js";
import { IconButton } from "../../components/icon.js";
import { Section } from "../../components/section.js";
import { Loaded } from "../../components/states.js";
/** @import { Backup } from "../../types.js" */

/** @returns {Promise<{version: string, backup: Backup | null, mayBackUp: boolean}>} */
async function read() {
  const mayBackUp = can("backups.read");
  const [{ version }, backups] = await Promise.all([api.get("/healthz"), mayBackUp ? api.get("/v1/backups", { limit: 1 }) : { items: [] }]);
  return { version, backup: backups.items[0] ?? null, mayBackUp };
}

/** @param {{text: string}} props */
const Command = ({ text }) => html`<div class="hook-line"><pre class="hook-code" tabindex="0" aria-label="Command">${text}</pre><${IconButton} icon="copy" label=${`Copy ${text}`} onClick=${() => copy(text, "Command")} /></div>`;

const Steps = () => html`<ol class="update-steps">
  <li><b>Rehearse.</b> In the new release’s folder, while this one goes on working: it migrates a copy of the database, checks it, and throws it away.<${Command} text="python app.py rehearse" /></li>
  <li><b>Back up.</b> Everything in one file, should you want to come back.<${Command} text="python app.py backup before-update.backup" /></li>
  <li><b>Stop</b> the gateway and its nodes, <b>start</b> the new release. It migrates the database in one transaction; where that fails, nothing has changed and the old release starts.</li>
</ol>`;

export function Updates() {
  const found = useResource("release", read, about("backup."));
  return html`<div class="sections">
    <${Section} title="This release" about="Nothing here asks the internet by itself, not even whether there is a newer one: look where you got this one from.">
      <${Loaded} of=${found} what="the release" rows=${2}>
        ${(/** @type {Awaited<ReturnType<typeof read>>} */ { version, backup, mayBackUp }) => html`<div class="card panel"><dl class="facts is-roomy">
          <div><dt>Gateway</dt><dd><b>${version}</b></dd></div>
          ${mayBackUp && html`<div><dt>Last backup</dt><dd>${backup ? html`<${Ago} at=${backup.created_at} /> <span class="quiet">${backup.name}</span>` : html`<span class="status is-failed">none yet</span>`} <a href="/settings/backup">backups</a></dd></div>`}
          <div><dt>What is new</dt><dd><a href="/docs/guide/changelog.html">the changelog</a></dd></div>
        </dl></div>`}
      <//>
    <//>
    <${Section} title="Before the next one" about=${html`How releases are put in the place of each other, and what is safe meanwhile: <a href="/docs/guide/operations.html#updating">updating</a>.`}>
      <div class="card panel panel-text"><${Steps} /></div>
    <//>
  </div>`;
}
