/** The background processes of a run: what they are, what they write, writing to them, starting and ending them. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { can } from "../../session.js";
import { useResource } from "../../resource.js";
import { Ago, Elapsed } from "../../components/clock.js";
import { openForm } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
import { Loaded } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Process, ProcessPort } from "../../types.js" */

const PAGE = 200;
const MOST_PAGES = 10;
const LOOKS = /** @type {Record<string, string>} */ ({ starting: "queued", running: "running", exited: "completed", terminated: "canceled", failed: "failed" });

/** @param {{process: Process}} props */
const State = ({ process: { status, exit_code: code, reason } }) => html`<span class=${`status is-${status === "exited" && code ? "failed" : LOOKS[status]}`} title=${reason}>${status === "exited" ? `exit ${code}` : status}</span>`;

/** All that it has written, or the first of it. @param {string} id */
async function outputOf(id) {
  let text = "";
  let cursor = null;
  for (let n = 0; n < MOST_PAGES; n++) {
    const page = await api.get(`/v1/processes/${id}/output`, { limit: PAGE, cursor });
    text += page.items.map((/** @type {{text: string}} */ piece) => piece.text).join("");
    cursor = page.next_cursor;
    if (!cursor) break;
  }
  return text;
}

/** A line for its input. @param {{process: Process}} props */
function InputLine({ process }) {
  const [text, setText] = useState("");
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(() => api.post(`/v1/processes/${process.id}/input`, { text: `${text}\n` }), "Sent").then((isSent) => isSent && setText(""));
  };
  return html`<form class="process-input" onSubmit=${send}><input class="form-control form-control-sm is-code" aria-label=${`Input of ${process.name}`} placeholder="A line for its input" autocomplete="off" spellcheck=${false} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} />
    <button type="submit" class="btn btn-sm">Send</button></form>`;
}

/** @param {{process: Process}} props */
function Output({ process }) {
  const read = useResource(process.id, () => outputOf(process.id), (event) => event.data?.process_id === process.id);
  return html`<${Loaded} of=${read} what="the output" rows=${2}>${(/** @type {string} */ text) => html`<pre class="process-output" tabindex="0" aria-label=${`Output of ${process.name}`}>${text || "It has written nothing."}</pre>`}<//>
    ${process.truncated && html`<p class="stale">It wrote more than is kept.</p>`}
    ${process.reason && html`<p class="quiet process-reason">${process.reason}</p>`}`;
}

/** @param {{process: Process}} props */
function Ports({ process }) {
  const path = `/v1/processes/${process.id}/ports`;
  const read = useResource(path, () => api.get(path), (event) => event.data?.process_id === process.id && event.name.startsWith("process.port_"));
  const ports = /** @type {ProcessPort[]} */ (read.data?.items ?? []);
  const close = (/** @type {number} */ port) => attempt(() => api.post(`${path}/close`, { port }), `Port ${port} is closed`).then(read.reload);
  const add = () =>
    openForm({
      title: "Forward a port",
      action: "Forward",
      fields: [{ name: "port", label: "Port in the sandbox", kind: "number", min: 1, required: true, hint: "Every program on the node’s machine can then connect to it there." }],
      send: (values) => api.post(path, values),
      done: read.reload,
    });
  return html`<p class="quiet process-ports">${ports.map(
    ({ port, address }) => html`<span key=${port}>Port ${port}: ${address ? html`<code>${address}</code>` : "not there yet"} <button type="button" class="btn btn-sm" aria-label=${`Close port ${port}`} onClick=${() => close(port)}>Close</button> </span>`,
  )}<button type="button" class="btn btn-sm" onClick=${add}>Forward a port…</button></p>`;
}

/** @param {{process: Process, reload: () => void}} props */
function Row({ process, reload }) {
  const [open, setOpen] = useState(false);
  const going = process.status === "running" || process.status === "starting";
  const kill = () => attempt(() => api.post(`/v1/processes/${process.id}/terminate`, {}), `${process.name} is asked to end`).then(reload);
  return html`<li class="process"><details open=${open} onToggle=${(/** @type {any} */ e) => setOpen(e.target.open)}>
      <summary><${State} process=${process} /><code class="process-name">${process.name}</code><span class="quiet process-time">${process.started_at ? html`<${Elapsed} from=${process.started_at} to=${process.ended_at} />` : html`<${Ago} at=${process.created_at} />`}</span></summary>
      ${open && html`<${Output} process=${process} />`}
      ${open && process.status === "running" && can("processes.write") && html`<${InputLine} process=${process} />`}
      ${open && process.status === "running" && can("processes.forward") && html`<${Ports} process=${process} />`}
    </details>
    ${going && can("processes.terminate") && html`<button type="button" class="btn btn-sm" aria-label=${`Kill ${process.name}`} onClick=${kill}><${Icon} icon="player-stop" />Kill</button>`}</li>`;
}

/** A panel of a task's page; nothing where there are none and none can be started. @param {{runId: string, running: boolean}} props */
export function Processes({ runId, running }) {
  const read = useResource(runId, () => api.all(`/v1/runs/${runId}/processes`), (event) => event.run_id === runId && event.name.startsWith("process.") && event.name !== "process.output");
  const processes = /** @type {Process[]} */ (read.data ?? []);
  const start = () =>
    openForm({
      title: "Start a process in the sandbox",
      action: "Start",
      fields: [{ name: "command", label: "Command", kind: "area", code: true, required: true, hint: "Runs in the workspace beside the run’s own commands, and ends with the run." }],
      send: (values) => api.post(`/v1/runs/${runId}/processes`, values),
      done: read.reload,
    });
  if (!processes.length && !(running && can("processes.start"))) return null;
  return html`<section class="card panel" aria-labelledby="h-processes"><header class="panel-head"><h2 id="h-processes">Processes</h2>
      ${running && can("processes.start") && html`<button type="button" class="btn btn-sm" onClick=${start}><${Icon} icon="plus" />Start one</button>`}</header>
    ${processes.length > 0 ? html`<ul class="processes">${processes.map((process) => html`<${Row} key=${process.id} process=${process} reload=${read.reload} />`)}</ul>` : html`<p class="quiet panel-text">None runs beside its commands.</p>`}
  </section>`;
}
