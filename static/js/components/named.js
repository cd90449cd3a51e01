/** Things that others name by their ids, under their own names. */
import { html } from "../html.js";
import { runName } from "../format.js";
import * as api from "../api.js";
import { can } from "../session.js";
import { about, useResource } from "../resource.js";
import { Id } from "./copy.js";

const SETTLE_MS = 5000;

/** The task of what tells its name, where the caller may read it. @param {{of: {task_id?: string | null, task_name?: string | null}}} props */
export const TaskOf = ({ of: { task_id: id, task_name: name } }) => id && html`<a href=${`/tasks/${id}`}>${name ?? id.slice(-8)}</a>`;

/** A project by its name; by its id to whom it is not shown. @param {{id: string}} props */
export function ProjectName({ id }) {
  const read = useResource(id, async () => (can("projects.read") ? api.get(`/v1/projects/${id}`) : null), about("project."));
  return read.data ? html`<a href=${`/projects?q=${encodeURIComponent(read.data.slug)}`}>${read.data.display_name}</a>` : html`<${Id} id=${id} what="Project id" />`;
}

/** A task by its name. @param {{id: string}} props */
export function TaskName({ id }) {
  const read = useResource(id, () => api.get(`/v1/tasks/${id}`), (event) => event.task_id === id && event.name === "task.updated", SETTLE_MS);
  return html`<a href=${`/tasks/${id}`}>${read.data?.name ?? id.slice(-8)}</a>`;
}

/** A run by its name. @param {{id: string}} props */
export function RunName({ id }) {
  const read = useResource(id, () => api.get(`/v1/runs/${id}`), about("run."));
  return html`<a href=${`/runs/${id}`}>${read.data ? runName(read.data) : id.slice(-8)}</a>`;
}

/** A schedule by its name. @param {{id: string}} props */
export function ScheduleName({ id }) {
  const read = useResource(id, () => api.get(`/v1/schedules/${id}`), (event) => event.name === "schedule.updated" && event.data?.schedule_id === id);
  return html`<a href=${`/schedules/${id}`}>${read.data?.name ?? id.slice(-8)}</a>`;
}

/** A session by its title. @param {{id: string}} props */
export function SessionName({ id }) {
  const read = useResource(id, () => api.get(`/v1/sessions/${id}`), about("session."));
  return html`<a href=${`/sessions/${id}`}>${read.data?.title ?? id.slice(-8)}</a>`;
}
