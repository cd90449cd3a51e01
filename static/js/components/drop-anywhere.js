/** Files dropped where a page has no use of its own for them: what to do with them is asked. */
import { signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { html } from "../html.js";
import { can } from "../session.js";
import { Icon } from "./icon.js";
import { attempt, toast } from "./toast.js";

/** @param {DragEvent} event not meant for an area of the page, which would have prevented it */
const isForUs = (event) => !event.defaultPrevented && Boolean(event.dataTransfer?.types.includes("Files")) && (can("artifacts.create") || can("tasks.create"));

/** Whether files are held over what has no use of its own for them. */
const isOver = signal(false);

export const DropHint = () => isOver.value && html`<div class="drop-hint is-everywhere" aria-hidden="true"><${Icon} icon="file-plus" />Drop for a new task, or to keep</div>`;

/** Listens while the frame is shown, from its first moment on. */
export function useDropAnywhere() {
  useLayoutEffect(() => {
    // Entering accepts too: when the page changes under files that are held still, letting go of them comes right after it.
    const hold = (/** @type {DragEvent} */ event) => {
      isOver.value = isForUs(event);
      if (isOver.value) event.preventDefault();
    };
    const leave = (/** @type {DragEvent} */ event) => event.relatedTarget || (isOver.value = false);
    const drop = (/** @type {DragEvent} */ event) => {
      isOver.value = false;
      if (!isForUs(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])].filter((file) => file.size || file.type);
      if (files.length) void attempt(() => import("../pages/dropped.js").then(({ askAbout }) => askAbout(files)));
      else toast("Folders can’t be dropped; drop the files in them.", { kind: "info" });
    };
    window.addEventListener("dragenter", hold);
    window.addEventListener("dragover", hold);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", hold);
      window.removeEventListener("dragover", hold);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, []);
}
