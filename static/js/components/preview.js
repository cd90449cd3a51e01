/** Looking into an artifact: text, pictures, sound and films, CSV as a table, PDF; anything else is downloaded. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { size } from "../format.js";
import { useResource } from "../resource.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { Markdown } from "./markdown.js";
import { Loaded } from "./states.js";
/** @import { Artifact } from "../types.js" */

const TEXT_LIMIT = 256 * 1024;
const PDF_LIMIT = 32 * 1024 * 1024;
const TABLE_ROWS = 500;
const TEXT_NAMES = /\.(txt|log|md|json|ya?ml|toml|ini|cfg|csv|tsv|py|js|ts|sh|bash|sql|html?|css|xml|rs|go|c|h|cpp|java|rb|pl|diff|patch|env|tex)$/i;

/** @param {Artifact} artifact @returns {"image" | "sound" | "film" | "table" | "markdown" | "text" | "pdf" | "none"} */
export function previewKind({ media_type: type, filename, size: bytes }) {
  if (!bytes) return "none";
  if (/^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)/.test(type)) return "image";
  if (/^audio\//.test(type)) return "sound";
  if (/^video\//.test(type)) return "film";
  if (/^text\/(csv|tab-separated-values)/.test(type) || /\.(csv|tsv)$/i.test(filename)) return "table";
  if (/^text\/markdown/.test(type) || /\.md$/i.test(filename)) return "markdown";
  if (/^application\/pdf/.test(type)) return navigator.pdfViewerEnabled && bytes < PDF_LIMIT ? "pdf" : "none";
  if (/^text\//.test(type) || /^application\/(json|xml|x-sh|x-yaml|toml|javascript)/.test(type) || TEXT_NAMES.test(filename)) return "text";
  return "none";
}

/** RFC 4180, with the separator that the first line has most of. @param {string} text @returns {string[][]} */
export function parseCsv(text) {
  const first = text.slice(0, text.search(/\n|$/));
  const count = (/** @type {string} */ mark) => first.split(mark).length;
  const separator = [",", ";", "\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
  /** @type {string[][]} */
  const rows = [];
  let row = [""];
  let quoted = false;
  for (let i = 0; i < text.length && rows.length < TABLE_ROWS; i++) {
    const char = text[i];
    const cell = row.length - 1;
    if (quoted && char === '"' && text[i + 1] === '"') row[cell] += text[++i];
    else if (char === '"' && (quoted || row[cell] === "")) quoted = !quoted;
    else if (quoted) row[cell] += char;
    else if (char === separator) row.push("");
    else if (char === "\n") {
      rows.push(row);
      row = [""];
    } else if (char !== "\r") row[cell] += char;
  }
  if (row.length > 1 || row[0]) rows.push(row);
  return rows.slice(0, TABLE_ROWS);
}

const isNumber = (/** @type {string} */ cell) => cell !== "" && !Number.isNaN(Number(cell));

/** @param {{text: string}} props */
function CsvTable({ text }) {
  const [head = [], ...rows] = parseCsv(text);
  const numbers = head.map((_, column) => rows.length > 0 && rows.every((row) => !row[column] || isNumber(row[column])));
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Table">
    <table class="table table-sm csv"><thead><tr>${head.map((cell, column) => html`<th scope="col" class=${numbers[column] ? "is-number" : null}>${cell}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${row.map((cell, column) => html`<td class=${numbers[column] ? "is-number" : null}>${cell}</td>`)}</tr>`)}</tbody></table></div>
    ${rows.length + 1 >= TABLE_ROWS && html`<p class="stale">The first ${TABLE_ROWS} rows.</p>`}`;
}

/** A PDF in the browser's own viewer, from memory: it never gets an address of ours. @param {{artifact: Artifact}} props */
function PdfFrame({ artifact }) {
  const [address, setAddress] = useState("");
  const blob = useResource(artifact.id, () => api.artifactBlob(artifact.id));
  useEffect(() => {
    if (!blob.data) return;
    const made = URL.createObjectURL(new Blob([blob.data], { type: "application/pdf" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob.data]);
  return html`<${Loaded} of=${blob} what="the file">${() => address && html`<iframe class="preview-pdf" title=${artifact.filename} src=${address}></iframe>`}<//>`;
}

/** JSON in lines, where it is whole and was written as one; anything else as it is. @param {string} text @param {Artifact} artifact */
function inLines(text, { media_type: type, filename }) {
  if (!(type === "application/json" || filename.endsWith(".json")) || text.trim().includes("\n")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {{artifact: Artifact, kind: "table" | "markdown" | "text"}} props */
function TextPreview({ artifact, kind }) {
  const text = useResource(artifact.id, async () => inLines(await api.artifactText(artifact.id, TEXT_LIMIT), artifact));
  return html`<${Loaded} of=${text} what="the file">
    ${(/** @type {string} */ content) => html`
      ${kind === "table" && html`<${CsvTable} text=${content} />`}
      ${kind === "markdown" && html`<div class="preview-page"><${Markdown} text=${content} /></div>`}
      ${kind === "text" && html`<pre class="preview-text" tabindex="0" aria-label=${artifact.filename}>${content}</pre>`}
      ${artifact.size > TEXT_LIMIT && html`<p class="stale">The first ${size(TEXT_LIMIT)} of ${size(artifact.size)}.</p>`}`}
  <//>`;
}

/** @param {{artifact: Artifact}} props */
export function Preview({ artifact }) {
  const kind = previewKind(artifact);
  if (kind === "image") return html`<div class="preview-image"><img src=${api.artifactAddress(artifact.id)} alt=${artifact.filename} /></div>`;
  if (kind === "sound") return html`<audio class="preview-media" controls src=${api.artifactAddress(artifact.id)} aria-label=${artifact.filename}></audio>`;
  if (kind === "film") return html`<video class="preview-media" controls src=${api.artifactAddress(artifact.id)} aria-label=${artifact.filename}></video>`;
  if (kind === "pdf") return html`<${PdfFrame} artifact=${artifact} />`;
  if (kind === "none") return html`<p class="stale">${artifact.size ? "There is no preview for this type of file." : "The file is empty."}</p>`;
  return html`<${TextPreview} artifact=${artifact} kind=${kind} />`;
}

/** @param {{artifact: Artifact, class?: string}} props */
export const Download = ({ artifact, class: name = "btn btn-sm" }) => html`<a class=${name} href=${api.artifactAddress(artifact.id)} download=${artifact.filename} aria-label=${`Download ${artifact.filename}`}><${Icon} icon="download" /><span>Download</span></a>`;

/** @param {{artifact: Artifact, onClose: () => void}} props */
export const PreviewDialog = ({ artifact, onClose }) => html`<${Dialog} title=${artifact.filename} wide onClose=${onClose} footer=${html`<span class="quiet dialog-note">${artifact.media_type}, ${size(artifact.size)}</span><${Download} artifact=${artifact} class="btn btn-primary" />`}>
  <${Preview} artifact=${artifact} />
<//>`;
