/** Taking over a crontab: looked at first, line by line, then made. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { Dialog, closeDialog, openDialog } from "../../components/dialog.js";
import { openForm } from "../../components/form.js";
import { toast } from "../../components/toast.js";

/** @typedef {{line: number, text: string, name: string | null, description: string | null, problem: string | null}} Line */

/** @param {{lines: Line[]}} props */
const Lines = ({ lines }) => html`<table class="table list is-stacked" aria-label="Lines"><thead><tr><th scope="col">Line</th><th scope="col">What</th><th scope="col">When</th></tr></thead>
  <tbody>${lines.map((line) => html`<tr key=${line.line}><td class="tabular" data-label="Line">${line.line}</td><td class="cell-wrap" data-label="What"><code>${line.name ?? line.text}</code></td><td class="cell-wrap" data-label="When">${line.problem ? html`<span class="form-refused">${line.problem}</span>` : line.description}</td></tr>`)}</tbody></table>`;

/** @param {Record<string, any>} wish @param {{lines: Line[]}} found @param {() => void} done */
function confirm(wish, found, done) {
  const good = found.lines.filter((line) => !line.problem).length;
  const take = async () => {
    const made = await api.post("/v1/schedules/import", wish);
    closeDialog();
    toast(`${made.imported} made`);
    done();
  };
  const footer = html`<button type="button" class="btn" onClick=${closeDialog}>Cancel</button><button type="button" class="btn btn-primary" disabled=${!good} onClick=${take}>Create ${good}</button>`;
  openDialog(html`<${Dialog} key="crontab-lines" title="What the crontab comes to" wide onClose=${closeDialog} footer=${footer}><${Lines} lines=${found.lines} /><//>`);
}

/** @param {() => void} done */
export function importCrontab(done) {
  /** @type {Record<string, any>} */
  let wish = {};
  openForm({
    title: "Import a crontab",
    wide: true,
    action: "Look at it",
    fields: [{ name: "crontab", label: "Crontab", kind: "area", code: true, required: true, placeholder: "0 5 * * 1 tar -zcf backup.tgz notes", hint: "What crontab -l prints. Nothing is made yet." }],
    send: (values) => {
      wish = values;
      return api.post("/v1/schedules/import", { ...values, dry_run: true });
    },
    done: (found) => confirm(wish, found, done),
  });
}
