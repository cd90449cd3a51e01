/** Sessions: what lies at the top, to be made, renamed, opened. */
import { html } from "../html.js";
import * as api from "../api.js";
import { place, withQuery } from "../router.js";
import { can } from "../session.js";
import { useEndless } from "../endless.js";
import { about } from "../resource.js";
import { RUN_TABS } from "../routes.js";
import { Ago } from "../components/clock.js";
import { Icon } from "../components/icon.js";
import { List, menuColumn, rowMenu } from "../components/list.js";
import { SearchField } from "../components/search-field.js";
import { Empty } from "../components/states.js";
import { Status } from "../components/status.js";
import { Tabs } from "../components/tabs.js";
import { closing, destroySession, editSession } from "./work-session.js";
/** @import { WorkSession } from "../types.js" */

const STATUSES = ["", "open", "closed"];

export default function SessionsPage() {
  const [q, status, parent] = ["q", "status", "parent_session_id"].map((name) => place.value.query.get(name));
  const list = useEndless({ q, status, parent_session_id: parent, top: q || parent ? null : true }, (filters) => api.get("/v1/sessions", filters), about("session."));
  const columns = [
    { head: "Session", class: "cell-name", cell: (/** @type {WorkSession} */ session) => html`<a class="row-link" href=${`/sessions/${session.id}`}>${session.title}</a>` },
    { head: "Status", cell: (/** @type {WorkSession} */ session) => html`<${Status} status=${session.status} />` },
    { head: "Changed", class: "col-time", cell: (/** @type {WorkSession} */ session) => html`<${Ago} at=${session.updated_at} />` },
    { head: "Created", sort: "created_at", class: "col-time", cell: (/** @type {WorkSession} */ session) => html`<${Ago} at=${session.created_at} />` },
    menuColumn((/** @type {WorkSession} */ session) =>
      rowMenu(session.title, [
        can("sessions.update") && { label: "Edit…", icon: "pencil", run: () => void editSession(session, list.reload) },
        session.status === "open" && can("sessions.create") && { label: "New session in it…", icon: "plus", run: () => void editSession(null, list.reload, session) },
        can("sessions.close") && closing(session, list.reload),
        can("sessions.delete") && { label: "Delete…", icon: "trash", danger: true, run: () => destroySession(session, list.reload) },
      ]),
    ),
  ];
  return html`<div class="page-head"><h1>Sessions & runs</h1>
      ${can("sessions.create") && html`<button type="button" class="btn btn-primary btn-sm" onClick=${() => editSession(null, list.reload)}><${Icon} icon="plus" />New session</button>`}</div>
    <${Tabs} tabs=${RUN_TABS} label="Sessions and runs" />
    <div class="filters"><nav class="filter-set" aria-label="Status">
        ${STATUSES.map((value) => html`<a href=${withQuery({ status: value, cursor: null })} aria-current=${value === (status ?? "") ? "true" : null}>${value || "all"}</a>`)}
      </nav>${parent && html`<a class="tag is-on" href=${withQuery({ parent_session_id: null, cursor: null })}>in one session<${Icon} icon="x" /></a>`}<${SearchField} label="Search sessions" /></div>
    <${List} of=${list} what="the sessions" columns=${columns} empty=${html`<${Empty} title="No sessions yet">A session holds tasks, runs and further sessions of one piece of work.<//>`} />`;
}
