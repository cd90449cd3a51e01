/** A transcript: its segments, oldest first; what is for auditors only when it is asked for. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { can } from "../session.js";
import { plural } from "../format.js";
import { useFurther } from "../endless.js";
import { Ago } from "./clock.js";
import { openForm } from "./form.js";
import { Icon } from "./icon.js";
import { Json } from "./json.js";
import { Markdown } from "./markdown.js";
import { ReadOn } from "./rows.js";
import { Empty, Loaded } from "./states.js";
import { toast } from "./toast.js";
/** @import { Page, Segment } from "../types.js" */

const KINDS = ["summary", "redacted", "audit"].map((kind) => ({ value: kind, label: kind }));

/** @param {string} path @param {() => void} done */
const write = (path, done) =>
  openForm({
    title: "Add to the transcript",
    action: "Add",
    initial: { kind: "summary" },
    fields: [
      { name: "kind", label: "Kind", options: KINDS, required: true, hint: "All but audit are kept without secrets." },
      { name: "content", label: "Text", kind: "area", required: true },
      { name: "days", label: "Is kept for days", kind: "number", min: 1, hint: "Empty: as long as what it belongs to." },
    ],
    send: ({ days, ...segment }) => api.post(path, { ...segment, retention: days ? { days } : {} }),
    done: () => (toast("Added to the transcript"), done()),
  });

/** @param {{segment: Segment}} props */
function SegmentView({ segment }) {
  const taken = Object.values(segment.redactions).reduce((sum, count) => sum + count, 0);
  return html`<li class="segment">
    <p class="segment-head quiet"><span class="tag">${segment.kind}</span> ${segment.created_by}, <${Ago} at=${segment.created_at} />
      ${taken > 0 && html` · ${plural(taken, "secret")} taken out`}${segment.expires_at && html` · goes <${Ago} at=${segment.expires_at} />`}</p>
    ${typeof segment.content === "string" ? html`<${Markdown} text=${segment.content} />` : html`<${Json} value=${segment.content} label=${segment.kind} />`}
  </li>`;
}

/** @param {{of: "runs" | "sessions", id: string}} props */
export function Transcript({ of, id }) {
  const [audit, setAudit] = useState(false);
  const path = `/v1/${of}/${id}/transcript`;
  const read = useFurther(path, (event) => event.name === "transcript.added", (segment) => segment.id, { kind: audit ? "audit" : null });
  return html`<section class="card panel" aria-labelledby="h-transcript"><header class="panel-head"><h2 id="h-transcript">Transcript</h2>
      <span class="panel-actions">
        ${can("transcripts.read_audit") && html`<button type="button" class="btn btn-sm" aria-pressed=${String(audit)} onClick=${() => setAudit(!audit)}><${Icon} icon="lock" />Audit view</button>`}
        ${can("transcripts.write") && html`<button type="button" class="btn btn-sm" onClick=${() => write(path, read.reload)}><${Icon} icon="plus" />Add</button>`}
      </span></header>
    <${Loaded} of=${read} what="the transcript" rows=${3}>
      ${(/** @type {Page<Segment>} */ page) =>
        page.items.length
          ? html`<ol class="segments">${page.items.map((segment) => html`<${SegmentView} key=${segment.id} segment=${segment} />`)}</ol>
              <${ReadOn} of=${read} count=${page.items.length} />`
          : html`<${Empty} title=${audit ? "Nothing for auditors" : "Nothing was written down"}>${audit ? "What was sealed for them would be listed here." : "Agents write down what they thought and said; a tool of yours may, too."}<//>`}
    <//></section>`;
}
