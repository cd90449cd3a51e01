/** What runs now, what is next, what failed, how busy it is, and the box for a new task. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { can } from "../session.js";
import { about, useResource } from "../resource.js";
import { exactTime, grouped, plural } from "../format.js";
import { Ago, Elapsed } from "../components/clock.js";
import { Composer } from "../components/composer.js";
import { Flag } from "../components/flag.js";
import { Icon } from "../components/icon.js";
import { Gauges, NodeState } from "../components/nodes.js";
import { DAY, QueuePlots } from "../components/queue-plots.js";
import { OpenQuestions } from "../components/questions.js";
import { Empty, Loaded } from "../components/states.js";
import { ShortList } from "../components/task-list.js";
import { Told } from "../components/told.js";
import { ALL, Throughput, sum, useDay } from "./home/day.js";
/** @import { GatewayEvent, Model, NextPlanned, Node, Page, Provider, Task, TaskHour } from "../types.js" */

const MOST_NEXT = 6;
const LOOKED = "failures-looked-at";

/** @param {GatewayEvent} event */
const ofTask = (event) => event.name.startsWith("task.");

function Running() {
  const running = useResource("running", () => api.get("/v1/tasks", { status: "running", limit: 8 }), ofTask);
  return html`<section class="card panel" aria-labelledby="h-now"><header class="panel-head"><h2 id="h-now">Running now</h2>${running.data?.next_cursor && html`<a href="/tasks?status=running">All</a>`}</header>
    <${Loaded} of=${running} what="what runs">
      ${(/** @type {Page<Task>} */ page) => (page.items.length ? html`<${ShortList} tasks=${page.items} time=${(/** @type {Task} */ task) => html`<${Elapsed} from=${task.started_at ?? task.created_at} />`} />` : html`<${Empty} title="Nothing is running">${can("tasks.create") ? "What you start above shows here" : "What runs shows here"} at once, with its time running.<//>`)}
    <//></section>`;
}

/** When the failures were last looked at; from the moment they are left, the present. @returns {string} */
function useLastLook() {
  const [seen] = useState(() => localStorage.getItem(LOOKED) ?? "");
  useEffect(() => {
    const leave = () => localStorage.setItem(LOOKED, new Date().toISOString());
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, []);
  return seen;
}

function Failures() {
  const failed = useResource("failed", () => api.get("/v1/tasks", { status: "failed", limit: 6 }), (event) => /^task\.(failed|updated)$/.test(event.name));
  const seen = useLastLook();
  const isNew = (/** @type {Task} */ task) => Boolean(seen) && (task.ended_at ?? task.created_at) > seen;
  const fresh = failed.data?.items.filter(isNew).length ?? 0;
  return html`<section class="card panel" aria-labelledby="h-failed"><header class="panel-head"><h2 id="h-failed">Failed lately</h2>${fresh > 0 && html`<span class="tag is-on">${fresh} since you last looked</span>`}${failed.data?.items.length > 0 && html`<a href="/tasks?status=failed">All</a>`}</header>
    <${Loaded} of=${failed} what="the failures">
      ${(/** @type {Page<Task>} */ page) => (page.items.length ? html`<${ShortList} tasks=${page.items} time=${(/** @type {Task} */ task) => html`<${Ago} at=${task.ended_at ?? task.created_at} />`} />` : html`<${Empty} title="Nothing has failed">What fails is listed here, and counted until you have looked.<//>`)}
    <//></section>`;
}

/** The next planned times, the soonest first. */
function Next() {
  const planned = useResource("planned", () => api.get("/v1/schedules/upcoming", { count: MOST_NEXT }), about("schedule."), 1000);
  return html`<section class="card panel" aria-labelledby="h-next"><header class="panel-head"><h2 id="h-next">Next</h2><a href="/schedules/calendar">Calendar</a></header>
    <${Loaded} of=${planned} what="what is next">
      ${(/** @type {{items: NextPlanned[]}} */ { items }) => (items.length
        ? html`<ul class="short-list">${items.map((one) => html`<li key=${one.schedule_id}><a href=${`/schedules/${one.schedule_id}`}><${Icon} icon="calendar-time" class="kind" /><span class="short-name">${one.name}</span></a>${one.skipped && html`<span class="tag">skipped</span>`}<span class="short-time quiet"><${Ago} at=${one.planned_at} /></span></li>`)}</ul>`
        : html`<${Empty} title="Nothing is planned">A <a href="/schedules">schedule</a> has work done later, or again and again.<//>`)}
    <//></section>`;
}

/** The queue, and since when its oldest run has waited: that goes on while nothing happens. */
async function readQueue() {
  const queue = await api.get("/v1/queue");
  return { ...queue, oldest_since: queue.oldest_age_s ? new Date(Date.now() - 1000 * queue.oldest_age_s).toISOString() : null };
}

/** @param {{day: import("../resource.js").Resource<TaskHour[]>}} props */
function Figures({ day }) {
  const queue = useResource("queue", readQueue, ofTask);
  const states = queue.data?.depth?.by_state ?? {};
  const hours = day.data ?? [];
  const since = hours.length ? `Since ${exactTime(hours[0].time)}` : null;
  const made = (/** @type {string[]} */ statuses) => grouped(sum(hours, statuses));
  const figures = [
    { label: "In the queue", value: states.pending ?? 0, href: "/tasks?status=queued", known: queue.data },
    { label: "Running", value: states.running ?? 0, href: "/tasks?status=running", known: queue.data },
    { label: "Oldest waits", value: queue.data?.oldest_since ? html`<${Elapsed} from=${queue.data.oldest_since} />` : "–", known: queue.data },
    { label: "Created in 24 h", value: made(ALL), href: "/tasks", known: day.data, since },
    { label: "Done in 24 h", value: made(["completed"]), href: "/tasks?status=completed", known: day.data, since },
    { label: "Failed in 24 h", value: made(["failed"]), href: "/tasks?status=failed", known: day.data, since, bad: sum(hours, ["failed"]) > 0 },
  ];
  return html`<dl class="figures" aria-label="At a glance">
    ${figures.map(({ label, value, href, known, since: title = null, bad }) => {
      const shown = known ? value : "–";
      return html`<div class=${bad ? "is-bad" : null} title=${title}><dt>${label}</dt><dd>${href ? html`<a href=${href}>${shown}</a>` : shown}</dd></div>`;
    })}
  </dl>`;
}

/** What the work needs and the machine lacks: each with the way to mend it. */
function Missing() {
  const reasons = useResource("ready", api.notReadyBecause, (event) => event.name.startsWith("node."));
  if (!reasons.data?.length) return null;
  return html`<section class="notice" role="status" aria-label="Not ready">
    <${Icon} icon="alert-triangle" />
    <div>${reasons.data.map(({ reason, remedy }) => html`<p>${reason} <span class="quiet"><${Told} text=${remedy} /></span></p>`)}</div>
  </section>`;
}

function Nodes() {
  const nodes = useResource("nodes", () => api.get("/v1/nodes", { limit: 8 }), (event) => /^(node|run)\./.test(event.name), 2000);
  return html`<section class="card panel" aria-labelledby="h-nodes"><header class="panel-head"><h2 id="h-nodes">Nodes</h2><a href="/nodes">All</a></header>
    <${Loaded} of=${nodes} what="the nodes">
      ${(/** @type {Page<Node>} */ page) => (page.items.length ? html`<ul class="node-loads">${page.items.map((node) => html`<li key=${node.id}><div class="node-load-head"><span>${node.name}</span><${NodeState} node=${node} /></div>${node.state !== "offline" && html`<${Gauges} node=${node} />`}</li>`)}</ul>` : html`<${Empty} title="No nodes yet" />`)}
    <//></section>`;
}

/** @param {{provider: Provider, offered: number}} props `offered`: how many models there are of it */
function Health({ provider: { enabled, last_test: test }, offered }) {
  if (!enabled) return html`<${Flag} on=${false} yes="" no="disabled" />`;
  if (!test) return html`<span class="quiet">${offered ? plural(offered, "model") : "no model"}, not tested yet</span>`;
  return html`<${Flag} on=${test.ok} yes="answers" no="does not answer" bad /><span class="quiet tabular">${test.latency_ms ? `${Math.round(test.latency_ms)} ms, ` : ""}<${Ago} at=${test.tested_at} /></span>`;
}

function Providers() {
  const providers = useResource("providers", () => api.get("/v1/providers", { limit: 8 }), about("provider."));
  const models = useResource("models", () => api.get("/v1/models"), about("provider.", "node."), 2000).data?.data ?? [];
  const offered = (/** @type {Provider} */ { name }) => models.filter((/** @type {Model} */ { id }) => id.startsWith(`${name}/`)).length;
  return html`<section class="card panel" aria-labelledby="h-providers"><header class="panel-head"><h2 id="h-providers">Model servers</h2><a href="/models">All</a></header>
    <${Loaded} of=${providers} what="the model servers">
      ${(/** @type {Page<Provider>} */ page) => (page.items.length ? html`<ul class="node-loads">${page.items.map((provider) => html`<li key=${provider.id}><div class="node-load-head"><span>${provider.name}</span><${Health} provider=${provider} offered=${offered(provider)} /></div></li>`)}</ul>` : html`<${Empty} title="None of your own">What runs on this machine is found by itself.<//>`)}
    <//></section>`;
}

export default function HomePage() {
  const day = useDay();
  return html`<h1 class="visually-hidden">Home</h1>
    <${Missing} />
    <${OpenQuestions} />
    ${can("tasks.create") && html`<${Composer} autofocus />`}
    <${Figures} day=${day} />
    <div class="home-row"><${Running} />${can("schedules.read") && html`<${Next} />`}<${Failures} /></div>
    <div class="home-grid">${can("nodes.read") && html`<${Nodes} />`}${can("nodes.read") && can("providers.read") && html`<${Providers} />`}<${Throughput} day=${day} />${can("queue.read") && html`<${QueuePlots} minutes=${DAY} title="Queue" />`}</div>`;
}
