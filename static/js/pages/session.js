/** One session: what lies in it as a tree with times, and its transcript. */
import { html } from "../html.js";
import * as api from "../api.js";
import { navigate } from "../router.js";
import { can } from "../session.js";
import { useResource } from "../resource.js";
import { useTitle } from "../title.js";
import { Icon } from "../components/icon.js";
import { Menu } from "../components/menu.js";
import { Ago } from "../components/clock.js";
import { Markdown } from "../components/markdown.js";
import { Empty, Loaded } from "../components/states.js";
import { Status } from "../components/status.js";
import { TimeTree, nested, sessionNode } from "./time-tree.js";
import { Transcript } from "../components/transcript.js";
import { closing, destroySession, editSession } from "./work-session.js";
/** @import { Segment, WorkSession } from "../types.js" */
/** @import { Node } from "./time-tree.js" */

const PAGE = 100;
const MOST_SESSIONS = 40;
const SETTLE_MS = 600;

/** What lies in a session, at any depth, as far as `left` sessions go. @param {string} id @param {{sessions: number, cut: boolean}} left @returns {Promise<Node[]>} */
async function contents(id, left) {
  const [runs, sessions] = await Promise.all([api.get(`/v1/sessions/${id}/runs`, { limit: PAGE }), api.get("/v1/sessions", { parent_session_id: id, limit: PAGE })]);
  left.cut ||= Boolean(runs.next_cursor || sessions.next_cursor);
  /** @type {Node[]} */
  const below = [];
  for (const session of sessions.items.reverse()) {
    left.cut ||= left.sessions <= 0;
    below.push(sessionNode(session, left.sessions-- > 0 ? await contents(session.id, left) : []));
  }
  return [...nested(runs.items), ...below];
}

/** The sessions above, the highest first. @param {WorkSession} session @returns {Promise<WorkSession[]>} */
async function line(session) {
  const above = [];
  for (let id = session.parent_session_id; id; ) {
    const parent = await api.get(`/v1/sessions/${id}`);
    above.unshift(parent);
    id = parent.parent_session_id;
  }
  return above;
}

/** The newest summary, if there is one that may be seen. @param {string} id @returns {Promise<Segment | undefined>} */
async function summaryOf(id) {
  return can("transcripts.read") ? (await api.get(`/v1/sessions/${id}/transcript`, { kind: "summary", tail: true, limit: 1 })).items[0] : undefined;
}

/** @param {string} id */
async function readSession(id) {
  const left = { sessions: MOST_SESSIONS, cut: false };
  const session = /** @type {WorkSession} */ (await api.get(`/v1/sessions/${id}`));
  const [above, nodes, summary] = await Promise.all([line(session), contents(id, left), summaryOf(id)]);
  return { session, above, nodes, summary, cut: left.cut };
}

/** @param {{data: Awaited<ReturnType<typeof readSession>>, reload: () => void}} props */
function SessionView({ data: { session, above, nodes, summary, cut }, reload }) {
  const isOpen = session.status === "open";
  const items = [
    ...(can("sessions.update") ? [{ label: "Edit…", icon: "pencil", run: () => void editSession(session, reload) }] : []),
    ...(can("sessions.close") ? [closing(session, reload)] : []),
    ...(can("sessions.delete") ? [{ label: "Delete…", icon: "trash", danger: true, run: () => destroySession(session, () => void navigate("/sessions")) }] : []),
  ];
  return html`<nav class="crumbs quiet" aria-label="Lies in"><a href="/sessions">Sessions</a>${above.map((each) => html` › <a href=${`/sessions/${each.id}`}>${each.title}</a>`)}</nav>
    <div class="page-head is-task"><div class="task-title"><h1>${session.title}</h1>${!isOpen && html`<${Status} status="closed" large />`}</div>
      <div class="actions">
        ${isOpen && can("tasks.create") && html`<a class="btn btn-primary btn-sm" href=${`/tasks/new?session_id=${session.id}`}><${Icon} icon="plus" />New task in it</a>`}
        ${isOpen && can("sessions.create") && html`<button type="button" class="btn btn-sm" onClick=${() => editSession(null, reload, session)}><${Icon} icon="folders" />New session in it</button>`}
        ${items.length > 0 && html`<${Menu} label="More" items=${items} />`}
      </div></div>
    <div class="task-main">${typeof summary?.content === "string" && html`<section class="card panel" aria-labelledby="h-summary"><header class="panel-head"><h2 id="h-summary">Summary</h2>
        <span class="quiet">${summary.created_by}, <${Ago} at=${summary.created_at} /></span></header>
      <div class="segment"><${Markdown} text=${summary.content} /></div></section>`}
    <section class="card panel" aria-labelledby="h-tree"><header class="panel-head"><h2 id="h-tree">Runs and sessions</h2></header>
      ${nodes.length ? html`<${TimeTree} nodes=${nodes} label="Runs and sessions" />` : html`<${Empty} title="Nothing in it yet">${isOpen ? "Give it a task or a session of its own by the buttons above." : "It is closed: nothing new comes in."}<//>`}
      ${cut && html`<p class="log-note">There is more than is shown; open a session, or see <a href=${`/runs?session_id=${session.id}`}>all runs</a> and <a href=${`/sessions?parent_session_id=${session.id}`}>all sessions</a> in it.</p>`}
    </section>
    <${Transcript} of="sessions" id=${session.id} /></div>`;
}

/** @param {{id: string}} props */
export default function SessionPage({ id }) {
  const read = useResource(id, () => readSession(id), (event) => /^(session|run|transcript)\./.test(event.name), SETTLE_MS);
  useTitle(read.data?.session.title);
  return html`<${Loaded} of=${read} what="the session" isPage rows=${6}>${(/** @type {any} */ data) => html`<${SessionView} key=${id} data=${data} reload=${read.reload} />`}<//>`;
}
