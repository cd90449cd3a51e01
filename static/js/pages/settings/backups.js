/** Backups in the gateway's folder: made, checked, and what a restore would bring. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { grouped, plural, size } from "../../format.js";
import { place } from "../../router.js";
import { can } from "../../session.js";
import { about, useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { copy } from "../../components/copy.js";
import { Dialog, closeDialog, openDialog } from "../../components/dialog.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { Busy } from "../../components/progress.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt, toast } from "../../components/toast.js";
/** @import { Backup, BackupContents } from "../../types.js" */

/** @param {string} name */
const at = (name) => `/v1/backups/${encodeURIComponent(name)}`;

/** @param {Backup} backup */
const check = ({ name }) =>
  attempt(async () => {
    const found = await api.post(`${at(name)}/verify`);
    if (found.ok) toast(`${name}: ${found.detail}`);
    else toast(found.detail, { kind: "failed" });
  });

/** What a restore would bring beside what is here, and the command for it. @param {{contents: BackupContents}} props */
function Preview({ contents }) {
  const footer = html`<button type="button" class="btn" onClick=${closeDialog}>Close</button>
    <button type="button" class="btn btn-primary" onClick=${() => copy(contents.command, "Command")}>Copy command</button>`;
  const rows = [
    ["Made", html`<${Ago} at=${contents.made_at} />, by release ${contents.release}`],
    ["Users", `${contents.users}, here ${contents.present_users}`],
    ["Tasks", `${grouped(contents.tasks)}, here ${grouped(contents.present_tasks)}`],
    ["Files", `${plural(contents.artifacts, "file")}, ${size(contents.artifact_bytes)}${contents.missing_artifacts ? `; ${contents.missing_artifacts} had no contents` : ""}`],
    ["Keys", contents.includes_key ? "in it, sealed by a passphrase" : contents.keys_here ? "not in it, but here" : "neither in it nor here: have the emergency kit ready"],
  ];
  return html`<${Dialog} title=${`Restore ${contents.name}`} onClose=${closeDialog} footer=${footer}>
    <dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <p>Stop the gateway, then type this. It checks the whole file, says what it would do, and asks. What is here now goes; a backup of it is kept. Then start the gateway as usual. Whoever signed in after it was made signs in again; API tokens made since are gone.</p>
    <pre class="hook-code" tabindex="0" aria-label="Command">${contents.command}</pre>
  <//>`;
}

/** @param {Backup} backup */
const preview = ({ name }) => attempt(async () => openDialog(html`<${Preview} contents=${await api.get(at(name))} />`));

export function Backups() {
  const filters = { cursor: place.value.query.get("cursor") };
  const list = useResource(JSON.stringify(filters), () => api.get("/v1/backups", filters), about("backup."));
  const [doing, setDoing] = useState("");
  const during = async (/** @type {string} */ words, /** @type {() => Promise<unknown>} */ action) => {
    setDoing(words);
    await action();
    setDoing("");
  };
  const make = () => during("Writing a backup; the gateway goes on working meanwhile.", () => attempt(() => api.post("/v1/backups"), "Backup made")).then(list.reload);
  const columns = [
    { head: "File", class: "cell-wrap", cell: (/** @type {Backup} */ backup) => html`<b>${backup.name}</b>` },
    { head: "Created", cell: (/** @type {Backup} */ backup) => html`<${Ago} at=${backup.created_at} /> <span class="quiet">${backup.by_clock ? "by itself" : "by hand"}</span>` },
    { head: "Size", cell: (/** @type {Backup} */ backup) => html`<span class="tabular">${size(backup.size)}</span>` },
    menuColumn((/** @type {Backup} */ backup) =>
      rowMenu(backup.name, [
        { label: "Check", icon: "check", run: () => void during(`Checking ${backup.name}: all of it is read.`, () => check(backup)) },
        { label: "Restore…", icon: "history", run: () => preview(backup) },
      ]),
    ),
  ];
  return html`<${Section} title="Backups" about=${html`All that is in the database, the files of artifacts, and the configuration, in one file. Models, the gateway’s own log files and the keys of credentials are not in it: keep the <a href="/settings/recovery">emergency kit</a> with it. How often one is made by itself, where, and how many are kept, are <a href="/settings/gateway?q=backups.">settings of the gateway</a>.`} add=${can("backups.create") && "Create backup"} onAdd=${make} busy=${doing !== ""}>
    ${doing && html`<div class="sending" role="status">${doing} <${Busy} label="Backup" /></div>`}
    <${List} of=${list} what="the backups" columns=${columns} keyOf=${(/** @type {Backup} */ backup) => backup.name} empty=${html`<${Empty} title="No backups yet">Create one, or have them made every so many hours.<//>`} />
  <//>`;
}
