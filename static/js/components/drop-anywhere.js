/** Files dropped where a page has no use of its own for them: a new task with them, or kept as artifacts. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { plural } from "../format.js";
import { navigate } from "../router.js";
import { can } from "../session.js";
import { Dialog, closeDialog, openDialog } from "./dialog.js";
import { FileChips, carryFiles } from "./files.js";
import { Icon } from "./icon.js";
import { Progress } from "./progress.js";
import { Problem } from "./problem.js";
import { toast } from "./toast.js";

/** @param {{files: File[]}} props */
function Dropped({ files: dropped }) {
  const [files, setFiles] = useState(dropped);
  const [sent, setSent] = useState(/** @type {number | null} */ (null));
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const remove = (/** @type {number} */ index) => (files.length > 1 ? setFiles(files.filter((_, i) => i !== index)) : closeDialog());
  const keep = async () => {
    setError(null);
    try {
      for (const [n, file] of files.entries()) await api.uploadArtifact(file, (part) => setSent((n + part) / files.length));
      closeDialog();
      toast(`${plural(files.length, "file")} uploaded`, { link: { href: "/artifacts", label: "Show" } });
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
      setSent(null);
    }
  };
  const attach = () => {
    carryFiles(files);
    closeDialog();
    navigate("/tasks/new");
  };
  const footer = html`${sent !== null && html`<${Progress} part=${sent} label="Upload" />`}
    ${can("artifacts.create") && html`<button type="button" class="btn" disabled=${sent !== null} onClick=${keep}><${Icon} icon="files" />Keep as artifacts</button>`}
    ${can("tasks.create") && html`<button type="button" class="btn btn-primary" autofocus disabled=${sent !== null} onClick=${attach}><${Icon} icon="plus" />New task with ${files.length === 1 ? "it" : "them"}</button>`}`;
  return html`<${Dialog} title=${`What to do with ${plural(files.length, "file")}?`} onClose=${closeDialog} footer=${footer}><div class="form"><${FileChips} files=${files} onRemove=${remove} />${error && html`<${Problem} error=${error} />`}</div><//>`;
}

/** @param {DragEvent} event not meant for an area of the page, which would have prevented it */
const isForUs = (event) => !event.defaultPrevented && Boolean(event.dataTransfer?.types.includes("Files")) && (can("artifacts.create") || can("tasks.create"));

/** Whether files are held over what has no use of its own for them. */
const isOver = signal(false);

export const DropHint = () => isOver.value && html`<div class="drop-hint is-everywhere" aria-hidden="true"><${Icon} icon="file-plus" />Drop for a new task, or to keep</div>`;

/** Listens while the frame is shown, from its first moment on. */
export function useDropAnywhere() {
  useLayoutEffect(() => {
    const over = (/** @type {DragEvent} */ event) => {
      isOver.value = isForUs(event);
      if (isOver.value) event.preventDefault();
    };
    const leave = (/** @type {DragEvent} */ event) => event.relatedTarget || (isOver.value = false);
    const drop = (/** @type {DragEvent} */ event) => {
      isOver.value = false;
      if (!isForUs(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])].filter((file) => file.size || file.type);
      if (files.length) openDialog(html`<${Dropped} key=${files.map((file) => file.name).join()} files=${files} />`);
      else toast("Folders can’t be dropped; drop the files in them.", { kind: "info" });
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, []);
}
