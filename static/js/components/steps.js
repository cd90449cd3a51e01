/** What an agent did for a task, step by step: replies of its model, calls of its tools with what they answered. */
import { html } from "../html.js";
import { grouped, plural } from "../format.js";
import * as api from "../api.js";
import { useResource } from "../resource.js";
import { Elapsed } from "./clock.js";
import { Icon } from "./icon.js";
/** @import { Step } from "../types.js" */

const PAGE = 200;
const MOST_PAGES = 5;

/** @param {string} taskId @returns {Promise<Step[]>} */
async function readSteps(taskId) {
  /** @type {Step[]} */
  const steps = [];
  let cursor = null;
  for (let n = 0; n < MOST_PAGES; n++) {
    const page = await api.get(`/v1/tasks/${taskId}/steps`, { limit: PAGE, cursor });
    steps.push(...page.items);
    cursor = page.next_cursor;
    if (!cursor) break;
  }
  return steps;
}

/** The steps of a task, kept up to date. @param {string} taskId */
export const useSteps = (taskId) => useResource(taskId, () => readSteps(taskId), (event) => event.task_id === taskId && (event.name === "agent.step" || event.name === "task.completed"));

/** The one thing of a call's arguments that says most. @param {Step} step */
function gist({ arguments: given }) {
  const first = Object.values(given ?? {}).find((value) => typeof value === "string" && value);
  return typeof first === "string" ? first.split("\n")[0] : "";
}

/** @param {{step: Step}} props */
function StepIcon({ step: { kind, status } }) {
  if (status === "refused") return html`<${Icon} icon="ban" />`;
  if (status === "failed") return html`<${Icon} icon="x" />`;
  return kind === "tool" ? html`<${Icon} icon="tool" />` : html`<${Icon} icon="message" />`;
}

/** @param {{step: Step}} props */
const StepRow = ({ step }) => html`<li class=${`agent-step is-${step.status}`}><details>
  <summary><${StepIcon} step=${step} />
    <span class="step-name">${step.agent && html`<span class="tag">sub-agent</span> `}${step.kind === "tool" ? html`<code>${step.name}</code>` : step.name === "shortened" ? "Shortened" : "Reply"}</span>
    <span class="step-gist quiet">${step.kind === "tool" ? gist(step) : step.text.split("\n")[0]}</span>
    ${step.status !== "completed" && html`<span class="step-status">${step.status}</span>`}
    <span class="quiet step-time"><${Elapsed} from=${step.started_at} to=${step.ended_at} /></span></summary>
  ${step.arguments && html`<p class="output-label">Arguments</p><pre tabindex="0" aria-label="Arguments">${JSON.stringify(step.arguments, null, 2)}</pre>`}
  ${step.text && html`<p class="output-label">${step.kind === "tool" ? "What it answered" : "What it said"}</p><pre tabindex="0" aria-label="Text of the step">${step.text}</pre>`}
  ${step.kind === "model" && !step.name && html`<p class="quiet step-tokens">${plural(step.prompt_tokens, "token")} read, ${grouped(step.completion_tokens)} written</p>`}
</details></li>`;

/** @param {{taskId: string, folded?: boolean}} props `folded`: as one line that opens; else as a panel of a task's page. Nothing where there are none. */
export function Steps({ taskId, folded }) {
  const steps = useSteps(taskId).data ?? [];
  if (!steps.length) return null;
  const rows = html`<ol class="agent-steps">${steps.map((step) => html`<${StepRow} key=${step.id} step=${step} />`)}</ol>`;
  if (!folded) return html`<section class="card panel" aria-labelledby="h-steps"><header class="panel-head"><h2 id="h-steps">Steps</h2><span class="quiet panel-count">${plural(steps.length, "step")}</span></header>${rows}</section>`;
  const tools = [...new Set(steps.filter(({ kind }) => kind === "tool").map(({ name }) => name))];
  return html`<details class="chat-steps"><summary><${Icon} icon="list-check" />${plural(steps.length, "step")}${tools.length > 0 && html`<span class="quiet"> – ${tools.slice(0, 4).join(", ")}${tools.length > 4 && " …"}</span>`}</summary>${rows}</details>`;
}
