/** Asks what to do with files that were dropped where a page has no use of its own for them. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { plural } from "../format.js";
import { navigate } from "../router.js";
import { can } from "../session.js";
import { Dialog, closeDialog, openDialog } from "../components/dialog.js";
import { FileChips, carryFiles } from "../components/files.js";
import { Icon } from "../components/icon.js";
import { Problem } from "../components/problem.js";
import { Progress } from "../components/progress.js";
import { toast } from "../components/toast.js";

/** @param {{files: File[]}} props */
function Dropped({ files: dropped }) {
  const [files, setFiles] = useState(dropped);
  const [sent, setSent] = useState(/** @type {number | null} */ (null));
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const remove = (/** @type {number} */ index) => (files.length > 1 ? setFiles(files.filter((_, i) => i !== index)) : closeDialog());
  const keep = async () => {
    setError(null);
    let done = 0;
    try {
      for (const file of files) {
        await api.uploadArtifact(file, (part) => setSent((done + part) / files.length));
        done++;
      }
      closeDialog();
      toast(`${plural(files.length, "file")} uploaded`, { link: { href: "/artifacts", label: "Show" } });
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
      setFiles(files.slice(done)); // those before it are there
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

/** @param {File[]} files */
export const askAbout = (files) => openDialog(html`<${Dropped} key=${files.map((file) => file.name).join()} files=${files} />`);
