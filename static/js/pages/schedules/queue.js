/** How much work waits and runs, where, and how that changed in the last hour, day or week. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { duration } from "../../format.js";
import { about, useResource } from "../../resource.js";
import { place, withQuery } from "../../router.js";
import { Ago } from "../../components/clock.js";
import { DAY, QueuePlots } from "../../components/queue-plots.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { Queue } from "../../types.js" */

const EVERY_MS = 10_000;
const SPANS = /** @type {const} */ ([["60", "hour"], ["", "day"], ["10080", "week"]]);

/** @param {{title: string, counts: Record<string, number>, none: string}} props */
const Counts = ({ title, counts, none }) => html`<section class="card panel" aria-label=${title}><header class="panel-head"><h2>${title}</h2></header>
  ${Object.keys(counts).length ? html`<table class="table list" aria-label=${title}><tbody>${Object.entries(counts).map(([name, count]) => html`<tr key=${name}><th scope="row">${name}</th><td class="is-number">${count.toLocaleString()}</td></tr>`)}</tbody></table>` : html`<${Empty} title=${none} />`}
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
      <${Counts} title="By queue" counts=${depth.by_queue} none="Nothing waits" />
      <${Counts} title="By node" counts=${depth.by_node} none="No node is at work" />
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
