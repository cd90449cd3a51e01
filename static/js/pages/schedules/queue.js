/** How much work waits and runs, where, and how that changed in the last hour, day or week. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { duration, grouped } from "../../format.js";
import { about, useResource } from "../../resource.js";
import { place, withQuery } from "../../router.js";
import { Ago } from "../../components/clock.js";
import { DAY, QueuePlots } from "../../components/queue-plots.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { Queue } from "../../types.js" */

const EVERY_MS = 10_000;
const SPANS = /** @type {const} */ ([["60", "hour"], ["", "day"], ["10080", "week"]]);

/** What queues hold that a sandbox or nothing at all is enough for. @type {Record<string, string>} */
const NEEDS = { default: "nothing in particular", sandbox: "a sandbox", inputs: "a sandbox with files" };

/** What nodes do beside tasks. @type {Record<string, string>} */
const JOBS = {
  "connectors.operate": "operations of connectors", "providers.test": "tests of providers", "providers.prepare": "models to be loaded",
  "retention_policies.purge": "purges", "runs.export": "runs for the collector of traces",
};

/** @param {string} name */
const jobNamed = (name) => JOBS[name] ?? name;

/** What the work of a queue needs of a node; the requirements of tasks only have a number there. @param {string} queue */
function needOf(queue) {
  const [kind, ...rest] = queue.split(":");
  if (kind === "model") return html`the model <code>${rest.join(":")}</code>`;
  if (kind === "requires") return html`what its tasks require <code class="quiet" title=${queue}>${rest[0].slice(0, 8)}</code>`;
  return NEEDS[queue] ?? queue;
}

/** @param {{title: string, counts: Record<string, number>, none: string, nameOf?: (name: string) => any}} props */
const Counts = ({ title, counts, none, nameOf = (name) => name }) => html`<section class="card panel" aria-label=${title}><header class="panel-head"><h2>${title}</h2></header>
  ${Object.keys(counts).length ? html`<table class="table list" aria-label=${title}><tbody>${Object.entries(counts).map(([name, count]) => html`<tr key=${name}><th scope="row">${nameOf(name)}</th><td class="is-number">${grouped(count)}</td></tr>`)}</tbody></table>` : html`<${Empty} title=${none} />`}
</section>`;

/** @param {{queue: Queue}} props */
function QueueView({ queue }) {
  const span = place.value.query.get("minutes") ?? "";
  const { schedules, depth } = queue;
  const figures = [
    { label: "Waiting", value: depth.by_state.pending ?? 0 },
    { label: "Running", value: depth.by_state.running ?? 0 },
    { label: "Oldest waits", value: queue.oldest_age_s ? duration(queue.oldest_age_s) : "–" },
    { label: "Schedules", value: `${schedules.enabled} of ${schedules.enabled + schedules.disabled}` },
    { label: "Waiting for a turn", value: schedules.waiting },
    { label: "Next planned", value: html`<${Ago} at=${schedules.next_planned_at} />` },
  ];
  return html`<dl class="figures" aria-label="The queue at a glance">${figures.map(({ label, value: shown }) => html`<div><dt>${label}</dt><dd>${shown}</dd></div>`)}</dl>
    <${QueuePlots} minutes=${Number(span) || DAY} title="What waited and ran">
      <nav class="filter-set" aria-label="How far back">${SPANS.map(([minutes, label]) => html`<a href=${withQuery({ minutes })} aria-current=${minutes === span ? "true" : null}>${label}</a>`)}</nav>
    <//>
    <div class="home-grid is-even">
      <${Counts} title="By what it needs" counts=${depth.by_queue} none="Nothing waits" nameOf=${needOf} />
      <${Counts} title="By node" counts=${depth.by_node} none="No node is at work" />
      ${queue.background.length > 0 && html`<${Counts} title="Beside tasks" counts=${Object.fromEntries(queue.background.map((job) => [job.name, job.waiting + job.running + job.lost]))} none="" nameOf=${jobNamed} />`}
    </div>`;
}

export function QueueDepth() {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn((before) => before + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const read = useResource("queue", () => api.get("/v1/queue"), about("task.", "run.", "schedule."), 1000);
  useEffect(() => void (turn && read.reload()), [turn]);
  return html`<${Loaded} of=${read} what="the queue" rows=${6}>${(/** @type {Queue} */ queue) => html`<${QueueView} queue=${queue} />`}<//>`;
}
