/** The parts of a task's page beside its log: request, results, files, facts, timeline, code to copy. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import { commandsText } from "../../commands.js";
import { duration, size } from "../../format.js";
import { useDefaultModel } from "../../default-model.js";
import { useResource } from "../../resource.js";
import * as api from "../../api.js";
import { ansiCss, parseAnsi } from "../../components/ansi.js";
import { Ago, Elapsed } from "../../components/clock.js";
import { Id, copy } from "../../components/copy.js";
import { Icon, IconButton } from "../../components/icon.js";
import { Markdown } from "../../components/markdown.js";
import { ownMetadata } from "../../components/options.js";
import { ProjectName, SessionName } from "../../components/named.js";
import { Download, PreviewDialog, previewKind } from "../../components/preview.js";
import { ReadOn } from "../../components/rows.js";
import { Empty, Loaded } from "../../components/states.js";
import { Status, isFinished } from "../../components/status.js";
/** @import { Endless } from "../../endless.js" */
/** @import { Artifact, Change, Finding, Job, Page, Result, Run, Task } from "../../types.js" */

/** @param {{text: string, label: string, error?: boolean}} props */
function Output({ text, label, error }) {
  /** @type {import("../../components/ansi.js").Style} */
  let style = {};
  const lines = text.replace(/\n$/, "").split("\n").map((line) => {
    const parsed = parseAnsi(line, style);
    style = parsed.end;
    return html`${parsed.spans.map((span) => html`<span style=${ansiCss(span.style)}>${span.text}</span>`)}${"\n"}`;
  });
  return html`<div class="output"><span class=${error ? "output-label is-error" : "output-label"}>${label}</span><pre tabindex="0" aria-label=${label}>${lines}</pre></div>`;
}

/** @param {{job: Job, open: boolean, index: number}} props */
const JobResult = ({ job, open, index }) => html`<details class="job" open=${open}>
  <summary>
    <span class="job-number quiet tabular">${index + 1}</span>
    <code class="job-command">${(job.command ?? "").split("\n")[0] || "script"}</code>
    ${job.status === "running" ? html`<${Status} status="running" />` : job.exit_code === null || job.exit_code === undefined ? html`<span class="quiet">${job.status ?? ""}</span>` : html`<span class=${job.exit_code ? "exit is-bad" : "exit"}>exit ${job.exit_code}</span>`}
    <span class="quiet job-time"><${Elapsed} from=${job.started_at} to=${job.ended_at} /></span>
  </summary>
  ${job.truncated && html`<p class="stale">The output was longer than is kept; what is here is cut.</p>`}
  ${job.stdout && html`<${Output} text=${job.stdout} label="stdout" />`}
  ${job.stderr && html`<${Output} text=${job.stderr} label="stderr" error />`}
  ${!job.stdout && !job.stderr && job.status !== "skipped" && html`<p class="quiet job-silent">${job.ended_at ? "No output." : job.started_at ? "Until it ends, its output is in the log." : "Not started yet."}</p>`}
</details>`;

/** @param {{jobs: Job[]}} props */
export const Jobs = ({ jobs }) => html`<section class="card panel" aria-labelledby="h-jobs"><header class="panel-head"><h2 id="h-jobs">${jobs.length === 1 ? "Result" : "Results by command"}</h2></header>
  ${jobs.map((job, index) => html`<${JobResult} key=${index} job=${job} index=${index} open=${Boolean(job.exit_code) && jobs.length > 1} />`)}
</section>`;

/** @param {{of: Endless, finished: boolean}} props */
export function Files({ of, finished }) {
  const [shown, setShown] = useState(/** @type {Artifact | null} */ (null));
  return html`<section class="card panel" aria-labelledby="h-files"><header class="panel-head"><h2 id="h-files">Artifacts</h2></header>
    <${Loaded} of=${of} what="the artifacts" rows=${2}>
      ${(/** @type {Page<Artifact>} */ { items }) =>
        items.length
          ? html`<ul class="files">${items.map(
              (artifact) => html`<li key=${artifact.id}>
                ${previewKind(artifact) === "image" ? html`<img class="thumb" src=${api.artifactAddress(artifact.id)} alt="" loading="lazy" />` : html`<span class="thumb"><${Icon} icon="file" /></span>`}
                <button type="button" class="file-name" onClick=${() => setShown(artifact)}>${artifact.filename}</button>
                ${artifact.origin === "upload" && html`<span class="tag">input</span>`}<span class="quiet tabular">${size(artifact.size)}</span><${Download} artifact=${artifact} class="icon-button is-download" />
              </li>`,
            )}</ul><${ReadOn} of=${of} count=${items.length} />`
          : html`<${Empty} title=${finished ? "No artifacts" : "None yet"}>What a task writes to <code>artifacts/</code> appears here.<//>`}
    <//>
    ${shown && html`<${PreviewDialog} artifact=${shown} onClose=${() => setShown(null)} />`}
  </section>`;
}

/** @param {{task: Task}} props what was asked for, as it was given */
export function Request({ task }) {
  const source = task.kind === "commands" ? commandsText(task.commands ?? []) : (task.script?.content ?? "");
  const title = { prompt: "Prompt", script: `Script, ${task.script?.interpreter ?? "bash"}`, commands: "Commands" }[task.kind];
  const text = task.kind === "prompt" ? (task.prompt ?? "") : source;
  return html`<section class="card panel" aria-labelledby="h-request"><header class="panel-head"><h2 id="h-request">${title}</h2><${IconButton} icon="copy" label=${`Copy the ${task.kind}`} onClick=${() => copy(text, title)} /></header>
    ${task.kind === "prompt" ? html`<div class="panel-text"><${Markdown} text=${text} /></div>` : html`<pre class="source" tabindex="0" aria-label=${title}>${text || (task.script?.artifact_id ? "Given as a file." : "")}</pre>`}
  </section>`;
}

/** @param {{label: string, children?: any}} props */
const Fact = ({ label, children }) => html`<div><dt>${label}</dt><dd>${children}</dd></div>`;

/** @param {{id: string}} props a task that this one waits for */
function Dependency({ id }) {
  const task = useResource(id, () => api.get(`/v1/tasks/${id}`), (event) => event.task_id === id && event.name.startsWith("task."));
  return html`<a class="dependency" href=${`/tasks/${id}`}>${task.data?.name ?? id}${task.data && html`<${Status} status=${task.data.status} />`}</a>`;
}

/** @param {{id: string}} props a file that the task was given */
function Attached({ id }) {
  const file = useResource(id, () => api.get(`/v1/artifacts/${id}`));
  return html`<a class="attached" href=${`/artifacts?preview=${id}`}>${file.data?.filename ?? id.slice(-8)}</a>`;
}

/** What the node must have, in words. @param {Record<string, any> | null | undefined} requires @returns {string[]} */
const needs = (requires) =>
  Object.entries(requires ?? {}).flatMap(([name, value]) => {
    if (name === "labels") return Object.entries(value).map(([label, wanted]) => `${label}=${wanted}`);
    if (name === "memory_bytes") return value ? [`memory ${size(value)}`] : [];
    if (Array.isArray(value)) return value;
    return value ? [value === true ? name : `${name} ${value}`] : [];
  });

/** The agent works with the model that answers where none is named. */
const AGENT = "orchestrator";

/** Which model was asked; before that, which would be now. @param {{task: Task, asked: string | null | undefined}} props */
function ModelName({ task, asked }) {
  const { setting } = useDefaultModel();
  if (asked) return asked;
  if (task.model && task.model !== AGENT) return task.model;
  return setting ? html`${setting.value} <span class="quiet">the default now</span>` : "the default";
}

/** @param {{task: Task, asked: string | null | undefined}} props `asked`: the model that the last run was given to */
export const Facts = ({ task, asked }) => html`<section class="card panel" aria-label="Facts"><dl class="facts">
  <${Fact} label="Id"><${Id} id=${task.id} what="Task id" /><//>
  <${Fact} label="Created"><${Ago} at=${task.created_at} /><//>
  ${task.started_at && html`<${Fact} label="Took"><${Elapsed} from=${task.started_at} to=${isFinished(task.status) ? (task.ended_at ?? task.started_at) : null} /><//>`}
  ${task.kind === "prompt" && html`<${Fact} label="Model"><${ModelName} task=${task} asked=${asked} /><//>`}
  ${task.timeout_s && html`<${Fact} label="Time limit">${duration(task.timeout_s)}<//>`}
  ${Boolean(task.priority) && html`<${Fact} label="Priority">${task.priority}<//>`}
  ${task.project_id && html`<${Fact} label="Project"><${ProjectName} id=${task.project_id} /><//>`}
  ${task.session_id && html`<${Fact} label="Session"><${SessionName} id=${task.session_id} /><//>`}
  ${needs(task.requires).length > 0 && html`<${Fact} label="Needs">${needs(task.requires).map((need) => html`<span class="tag">${need}</span>`)}<//>`}
  ${(task.attachments ?? []).length > 0 && html`<${Fact} label="Attached">${(task.attachments ?? []).map((id) => html`<${Attached} key=${id} id=${id} />`)}<//>`}
  <${Fact} label="Network">${task.network ? "allowed" : "off"}<//>
  ${(task.tags ?? []).length > 0 && html`<${Fact} label="Tags">${(task.tags ?? []).map((tag) => html`<a class="tag" href=${`/tasks?tag=${encodeURIComponent(tag)}`}>${tag}</a>`)}<//>`}
  ${(task.depends_on ?? []).length > 0 && html`<${Fact} label="Runs after">${(task.depends_on ?? []).map((id) => html`<${Dependency} key=${id} id=${id} />`)}<//>`}
  ${(task.dependents ?? []).length > 0 && html`<${Fact} label="Then runs">${(task.dependents ?? []).map((id) => html`<${Dependency} key=${id} id=${id} />`)}<//>`}
</dl></section>`;

/** @param {{finding: Finding}} props whether one criterion is met, and how that was found */
const FoundOut = ({ finding }) => html`<li class=${finding.passed ? "is-met" : "is-missed"}>
  ${finding.passed ? html`<${Icon} icon="square-check" />` : html`<${Icon} icon="square-x" />`}
  <div><span class="visually-hidden">${finding.passed ? "Met: " : "Not met: "}</span>${finding.criterion}
    ${finding.reason && html`<p class="quiet">${finding.reason}</p>`}
    ${finding.command && html`<details class="check"><summary>Checked by a command${finding.exit_code !== null && `, exit ${finding.exit_code}`}</summary><pre tabindex="0" aria-label="The command of the check">${finding.command}</pre></details>`}</div>
</li>`;

/** What the work is held against, with what was found once it has been. @param {{task: Task, verification?: Result["verification"]}} props */
export function Criteria({ task, verification }) {
  const findings = verification?.findings ?? [];
  const open = (task.acceptance_criteria ?? []).filter((text) => !findings.some((finding) => finding.criterion === text));
  if (!findings.length && !open.length) return null;
  return html`<section class="card panel" aria-labelledby="h-criteria"><header class="panel-head"><h2 id="h-criteria">Acceptance criteria</h2>
    ${verification && html`<span class=${`status is-${verification.status === "passed" ? "completed" : "failed"}`}>${verification.status}${verification.rounds > 1 && ` in round ${verification.rounds}`}</span>`}</header>
  <ul class="criteria">${findings.map((finding, index) => html`<${FoundOut} key=${index} finding=${finding} />`)}
    ${open.map((text) => html`<li key=${text}><${Icon} icon="square" /><div>${text}${task.kind !== "prompt" && !text.startsWith("$ ") && html`<p class="quiet">Yours to judge.</p>`}</div></li>`)}</ul></section>`;
}

/** Moments of a task that are shown at once. */
const MOMENTS = 60;

/** What happened, newest first: the task's history, and what only its runs tell, such as one that a dead node left. @param {{history: Change[], runs: Run[]}} props */
export function Timeline({ history, runs }) {
  const [most, setMost] = useState(MOMENTS);
  const told = new Set(history.map((change) => `${change.run_id} ${change.after}`));
  const untold = (/** @type {Run} */ run, /** @type {string} */ status) => !told.has(`${run.id} ${status}`);
  const moments = [
    ...history.map((change) => ({ time: change.time, title: html`<${Status} status=${change.after} />`, text: [`by ${change.actor}`, change.reason].filter(Boolean).join(" – ") })),
    ...runs.filter((run) => run.started_at && untold(run, "running")).map((run) => ({ time: run.started_at ?? "", title: html`<span class="moment-run">Run ${run.attempt ?? ""} started</span>`, text: "" })),
    ...runs.filter((run) => run.ended_at && untold(run, run.status)).map((run) => ({ time: run.ended_at ?? "", title: html`<span class="moment-run">Run ${run.attempt ?? ""} ${run.status}</span>`, text: run.error?.message ?? "" })),
  ]
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    .reverse();
  return html`<section class="card panel" aria-labelledby="h-time"><header class="panel-head"><h2 id="h-time">Timeline</h2></header>
    <ol class="timeline">${moments.slice(0, most).map(({ time, title, text }) => html`<li><div class="moment">${title}<span class="quiet moment-time"><${Ago} at=${time} /></span></div>${text && html`<p class="quiet">${text}</p>`}</li>`)}</ol>
    ${moments.length > most && html`<div class="section-foot"><button type="button" class="btn btn-sm" onClick=${() => setMost(most + MOMENTS)}>Read on</button></div>`}</section>`;
}

/** The fields with which the same task could be posted again. @param {Task} task */
export function requestBody(task) {
  /** @type {Record<string, any>} */
  const body = { [task.kind]: task[task.kind] };
  for (const name of /** @type {const} */ (["attachments", "acceptance_criteria", "tags", "env"])) {
    const value = task[name];
    if (value && Object.keys(value).length) body[name] = value;
  }
  for (const name of /** @type {const} */ (["name", "project_id", "requires", "continue_on_error", "network", "timeout_s", "priority", "model"])) {
    if (task[name]) body[name] = task[name];
  }
  if (Object.keys(ownMetadata(task)).length) body.metadata = ownMetadata(task);
  if (body.script) body.script = Object.fromEntries(Object.entries(body.script).filter(([, value]) => value !== null && !(Array.isArray(value) && !value.length)));
  return body;
}

/** @param {Task} task @returns {string} a shell command; the token comes from the environment */
export function asCurl(task) {
  const json = JSON.stringify(requestBody(task), null, 2).replaceAll("'", `'\\''`);
  return `curl ${location.origin}/v1/tasks \\\n  -H "Authorization: Bearer $GATEWAY_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d '${json}'\n`;
}

/** @param {Task} task @returns {string} */
export function asPython(task) {
  const json = JSON.stringify(JSON.stringify(requestBody(task)));
  return `import json\nimport os\nfrom urllib.request import Request, urlopen\n\ntask = json.loads(${json})\nrequest = Request(\n    "${location.origin}/v1/tasks",\n    data=json.dumps(task).encode(),\n    headers={"Authorization": "Bearer " + os.environ["GATEWAY_TOKEN"], "Content-Type": "application/json"},\n)\nwith urlopen(request) as response:\n    print(json.load(response)["id"])\n`;
}
