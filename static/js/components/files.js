/** Files on their way in: dropping them on an area, choosing them, the list of those chosen. */
import { useRef, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { size } from "../format.js";
import { Icon, IconButton } from "./icon.js";

/**
 * Makes its content an area that files can be dropped on.
 * @param {{onFiles: (files: File[]) => void, hint: string, class?: string, children?: any}} props
 */
export function DropZone({ onFiles, hint, class: name, children }) {
  const [over, setOver] = useState(false);
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  // Entering accepts too: when the page changes under files that are held still, letting go of them comes right after it.
  const hold = (/** @type {DragEvent} */ event) => carriesFiles(event) && (event.preventDefault(), setOver(true));
  return html`<div
    class=${cx("drop-zone", over && "is-over", name)}
    onDragEnter=${hold}
    onDragOver=${hold}
    onDragLeave=${(/** @type {DragEvent & {currentTarget: Element}} */ event) => event.currentTarget.contains(/** @type {Node | null} */ (event.relatedTarget)) || setOver(false)}
    onDrop=${(/** @type {DragEvent} */ event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(false);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    }}
  >
    ${children}
    ${over && html`<div class="drop-hint" aria-hidden="true"><${Icon} icon="file-plus" />${hint}</div>`}
  </div>`;
}

/** @param {{onFiles: (files: File[]) => void, label: string, class?: string}} props */
export function FileButton({ onFiles, label, class: name }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  return html`<button type="button" class=${cx("btn", name)} onClick=${() => input.current?.click()}><${Icon} icon="paperclip" />${label}</button>
    <input
      ref=${input}
      type="file"
      multiple
      hidden
      aria-label=${label}
      onChange=${(/** @type {any} */ event) => {
        onFiles([...event.target.files]);
        event.target.value = "";
      }}
    />`;
}

/** @type {File[]} */
let carried = [];

/** Files for the next page to begin with. @param {File[]} files */
export const carryFiles = (files) => void (carried = files);

/** The files that were carried here; once. */
export function takeCarried() {
  const files = carried;
  carried = [];
  return files;
}

/** @param {{files: File[], onRemove: (index: number) => void}} props */
export const FileChips = ({ files, onRemove }) => html`<ul class="chips" aria-label="Files to attach">
  ${files.map(
    (file, index) => html`<li class="chip"><${Icon} icon="file" /><span class="chip-text">${file.name}</span><span class="quiet tabular">${size(file.size)}</span>
      <${IconButton} icon="x" label=${`Remove ${file.name}`} onClick=${() => onRemove(index)} /></li>`,
  )}
</ul>`;
