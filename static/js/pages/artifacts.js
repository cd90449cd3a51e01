/** The list of artifacts, uploading by drop, preview, download, delete. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { closeInAddress, place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { about, useResource } from "../resource.js";
import { size } from "../format.js";
import { Ago } from "../components/clock.js";
import { Id } from "../components/copy.js";
import { destroy } from "../components/changes.js";
import { confirmFirst } from "../components/dialog.js";
import { DropZone, FileButton } from "../components/files.js";
import { IconButton } from "../components/icon.js";
import { SortHead, useRowKeys } from "../components/list.js";
import { Download, PreviewDialog } from "../components/preview.js";
import { Progress } from "../components/progress.js";
import { Rows, RowsEnd } from "../components/rows.js";
import { Empty, Loaded } from "../components/states.js";
import { toast, toastError } from "../components/toast.js";
/** @import { Artifact, Page } from "../types.js" */

const ORIGINS = /** @type {const} */ ([["", "all"], ["task", "made by tasks"], ["upload", "uploaded"]]);

/** @param {{id: string, listed: Artifact[]}} props the artifact that the address names, listed or not */
function Opened({ id, listed }) {
  const found = listed.find((artifact) => artifact.id === id);
  const read = useResource(id, async () => found ?? api.get(`/v1/artifacts/${encodeURIComponent(id)}`));
  const close = () => closeInAddress("preview");
  if (!read.data) return read.error && html`<p class="stale" role="alert">That artifact could not be opened: ${read.error.message}</p>`;
  return html`<${PreviewDialog} artifact=${read.data} onClose=${close} />`;
}

/** @param {{artifact: Artifact, attributes: Record<string, any>}} props */
function Row({ artifact, attributes }) {
  const ask = () =>
    confirmFirst({
      title: `Delete ${artifact.filename}?`,
      text: html`The file <b>${artifact.filename}</b> (${size(artifact.size)}) is deleted.${artifact.task_id && " The task that it belongs to stays."}`,
      action: "Delete file",
      run: () => destroy(`/v1/artifacts/${artifact.id}`, artifact.filename),
    });
  return html`<tr ...${attributes}>
    <td class="cell-name"><a class="row-link" href=${withQuery({ preview: artifact.id })}>${artifact.filename}</a></td>
    <td class="col-type quiet">${artifact.media_type}</td>
    <td class="is-number">${size(artifact.size)}</td>
    <td class="col-task">${artifact.task_id ? html`<a class="above" href=${`/tasks/${artifact.task_id}`} title=${artifact.task_name}>${artifact.task_name ?? "Task"}</a>` : html`<span class="quiet">Upload</span>`}</td>
    <td class="col-time"><${Ago} at=${artifact.created_at} /></td>
    <td class="col-id"><${Id} id=${artifact.id} /></td>
    <td class="cell-actions"><${Download} artifact=${artifact} class="icon-button is-download" />
      ${can("artifacts.delete") && html`<${IconButton} icon="trash" label=${`Delete ${artifact.filename}`} onClick=${ask} />`}</td>
  </tr>`;
}

export default function ArtifactsPage() {
  const query = place.value.query;
  const [origin, preview] = ["origin", "preview"].map((name) => query.get(name));
  const [sending, setSending] = useState(/** @type {{name: string, part: number} | null} */ (null));
  const list = useEndless({ origin }, (wanted) => api.get("/v1/artifacts", wanted), about("artifact."));
  useRowKeys();
  const upload = async (/** @type {File[]} */ files) => {
    for (const file of files) {
      try {
        setSending({ name: file.name, part: 0 });
        await api.uploadArtifact(file, (part) => setSending({ name: file.name, part }));
        toast(`${file.name} uploaded`);
      } catch (error) {
        toastError(error);
      }
    }
    setSending(null);
    list.reload();
  };
  const page = /** @type {Page<Artifact> | null} */ (list.data);

  return html`<${DropZone} hint="Drop to upload" class="drop-page" onFiles=${upload}>
    <div class="page-head"><h1>Artifacts</h1>${can("artifacts.create") && html`<${FileButton} class="btn-sm" label="Upload" onFiles=${upload} />`}</div>
    <div class="filters"><nav class="filter-set" aria-label="Where from">
      ${ORIGINS.map(([value, label]) => html`<a href=${withQuery({ origin: value, cursor: null })} aria-current=${value === (origin ?? "") ? "true" : null}>${label}</a>`)}
    </nav></div>
    ${sending && html`<div class="sending" role="status">Uploading ${sending.name} <${Progress} part=${sending.part} label=${`Upload of ${sending.name}`} /></div>`}
    <div class="card list-card">
      <${Loaded} of=${list} what="the artifacts" rows=${8}>
        ${(/** @type {Page<Artifact>} */ { items, next_cursor: next }) =>
          items.length
            ? html`<table class="table list" aria-label="artifacts" aria-rowcount=${next ? -1 : items.length + 1}><thead><tr aria-rowindex="1"><th scope="col">File</th><th scope="col" class="col-type">Type</th><th scope="col" class="is-number">Size</th><th scope="col" class="col-task">From</th><${SortHead} by="created_at" label="Created" class="col-time" /><th scope="col" class="col-id">Id</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
                <${Rows} of=${list} columns=${7} rows=${items} row=${(/** @type {Artifact} */ artifact, /** @type {Record<string, any>} */ { key, ...attributes }) => html`<${Row} key=${key} artifact=${artifact} attributes=${attributes} />`} /></table><${RowsEnd} of=${list} />`
            : origin
              ? html`<${Empty} title="No artifact matches">Change the filter, or <a href="/artifacts">show all</a>.<//>`
              : html`<${Empty} title="No artifacts yet">Drop files here, or write to <code>artifacts/</code> from a task.<//>`}
      <//>
    </div>
    ${preview && page && html`<${Opened} id=${preview} listed=${page.items} />`}
  <//>`;
}
