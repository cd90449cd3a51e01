/** How much work waits and runs, where, and how that changed while this page was open. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { duration, plural } from "../../format.js";
import { about, useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { StackedBars } from "../../components/plot.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { Queue } from "../../types.js" */

const EVERY_MS = 10_000;
const KEPT = 60;

/** @type {Map<number, Queue>} what was seen since the console was opened, by the second */
const seen = new Map();

const slot = () => Math.floor(Date.now() / EVERY_MS) * (EVERY_MS / 1000);

/** @param {Queue} queue */
function remember(queue) {
  seen.set(slot(), queue);
  for (const time of seen.keys()) if (seen.size > KEPT) seen.delete(time);
}

/** @param {{title: string, counts: Record<string, number>, none: string}} props */
const Counts = ({ title, counts, none }) => html`<section class="card panel" aria-label=${title}><header class="panel-head"><h2>${title}</h2></header>
  ${Object.keys(counts).length ? html`<table class="table list" aria-label=${title}><tbody>${Object.entries(counts).map(([name, count]) => html`<tr key=${name}><th scope="row">${name}</th><td class="tabular">${count.toLocaleString()}</td></tr>`)}</tbody></table>` : html`<${Empty} title=${none} />`}
</section>`;

/** @param {{queue: Queue}} props */
function QueueView({ queue }) {
  const times = Array.from({ length: KEPT }, (_, i) => slot() - (KEPT - 1 - i) * (EVERY_MS / 1000));
  const value = (/** @type {(queue: Queue) => number} */ read) => times.map((time) => (seen.has(time) ? read(/** @type {Queue} */ (seen.get(time))) : 0));
  const states = [
    { label: "Running", colour: "--busy", values: value((one) => one.depth.by_state.running ?? 0) },
    { label: "Waiting", colour: "--off", values: value((one) => one.depth.by_state.pending ?? 0) },
  ];
  const ages = [{ label: "Seconds", colour: "--accent", values: value((one) => Math.round(one.oldest_age_s ?? 0)) }];
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
    <div class="home-grid is-even">
      <section class="card panel" aria-labelledby="h-depth"><header class="panel-head"><h2 id="h-depth">Depth</h2>
        <ul class="legend">${states.map(({ label, colour }) => html`<li><span class="swatch" style=${{ background: `var(${colour})` }}></span>${label}</li>`)}</ul></header>
        <${StackedBars} times=${times} series=${states} span=${EVERY_MS / 2000} summary=${`${plural(seen.size, "look")} at the queue since this console was opened; ${depth.by_state.pending ?? 0} wait and ${depth.by_state.running ?? 0} run now.`} /></section>
      <section class="card panel" aria-labelledby="h-age"><header class="panel-head"><h2 id="h-age">Age of the oldest that waits, in seconds</h2></header>
        <${StackedBars} times=${times} series=${ages} span=${EVERY_MS / 2000} summary=${`The oldest waits for ${queue.oldest_age_s ? duration(queue.oldest_age_s) : "no time"} now.`} /></section>
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
  const read = useResource("queue", async () => {
    const queue = await api.get("/v1/queue");
    remember(queue);
    return queue;
  }, about("task.", "run.", "schedule."), 1000);
  useEffect(() => void (turn && read.reload()), [turn]);
  return html`<${Loaded} of=${read} what="the queue" rows=${6}>${(/** @type {Queue} */ queue) => html`<${QueueView} queue=${queue} />`}<//>`;
}
