/** Projects: what tasks, preferences and credentials may belong to. */
import { html } from "../html.js";
import * as api from "../api.js";
import { navigate, place, withQuery } from "../router.js";
import { can, session } from "../session.js";
import { useEndless } from "../endless.js";
import { about } from "../resource.js";
import { change, remove } from "../components/changes.js";
import { Ago } from "../components/clock.js";
import { confirmFirst } from "../components/dialog.js";
import { Flag } from "../components/flag.js";
import { openForm } from "../components/form.js";
import { Icon } from "../components/icon.js";
import { List, menuColumn, rowMenu } from "../components/list.js";
import { SearchField } from "../components/search-field.js";
import { Empty } from "../components/states.js";
import { attempt, toast } from "../components/toast.js";
/** @import { Project } from "../types.js" */
/** @import { Field } from "../components/input.js" */

const ZONES = Intl.supportedValuesOf("timeZone").map((zone) => ({ value: zone, label: zone }));
const KEPT = /** @type {const} */ ([["tasks_days", "Tasks"], ["artifacts_days", "Artifacts"], ["logs_days", "Logs"], ["transcripts_days", "Transcripts"]]);

/** @type {Field[]} */
const FIELDS = [
  { name: "slug", label: "Short name", required: true, placeholder: "website", hint: "Lower-case letters, digits and dashes." },
  { name: "display_name", label: "Name" },
  { name: "description", label: "Description", kind: "area" },
  { name: "time_zone", label: "Time zone", options: ZONES, hint: "Without one, its owner’s, then the system’s." },
  ...KEPT.map(([name, label]) => /** @type {Field} */ ({ name, label: `${label} are kept for days`, kind: "number", min: 1 })),
];

/** @param {Record<string, any>} values of the form */
function bodyOf({ slug, display_name: name, description, time_zone: zone, ...days }) {
  return { slug, ...(name ? { display_name: name } : {}), description, time_zone: zone || null, retention: days };
}

/** @param {Project | null} project @param {() => void} done */
const edit = (project, done) =>
  openForm({
    title: project ? `Edit ${project.display_name}` : "New project",
    action: project ? "Save" : "Create project",
    initial: project ? { ...project, ...project.retention } : {},
    fields: FIELDS,
    send: (values, over) => (project ? api.patch(`/v1/projects/${project.id}`, bodyOf(values), over ? undefined : project.version) : api.post("/v1/projects", bodyOf(values))),
    done,
  });

/** Makes a project that was there. @param {Project} project */
const again = ({ slug, display_name, description, is_active, time_zone, retention }) => api.post("/v1/projects", { slug, display_name, description, is_active, time_zone, retention });

/** Nothing referred to it, so that another of its owner's, made alike, is as good. @param {Project} project @param {() => void} done */
const destroy = (project, done) =>
  confirmFirst({
    title: `Delete ${project.display_name}?`,
    text: html`The project <b>${project.display_name}</b> is deleted. It stays while anything refers to it.`,
    action: "Delete project",
    run: () => remove(`/v1/projects/${project.id}`, project.owner_id === session.value?.user.id ? () => again(project) : undefined, `${project.display_name} deleted`, done),
  });

export default function ProjectsPage() {
  const query = place.value.query;
  const filters = Object.fromEntries(["q", "is_active"].map((name) => [name, query.get(name)]));
  const list = useEndless(filters, (wanted) => api.get("/v1/projects", wanted), about("project."));
  const setActive = (/** @type {Project} */ project) => change(`/v1/projects/${project.id}`, project, { is_active: !project.is_active }, `${project.display_name} ${project.is_active ? "deactivated" : "activated"}`, list.reload);
  const makeDefault = (/** @type {Project} */ project) =>
    attempt(async () => {
      const set = (/** @type {Project} */ one) => api.patch(`/v1/projects/${one.id}`, { is_default: true }).then(list.reload);
      const before = /** @type {Project[]} */ (await api.all("/v1/projects", { is_active: true })).find((one) => one.is_default && one.owner_id === project.owner_id);
      await set(project);
      toast(`${project.display_name} is the default`, { undo: before && (() => set(before)) });
    });
  const columns = [
    { head: "Project", sort: "slug", class: "cell-name", cell: (/** @type {Project} */ project) => html`<b>${project.display_name}</b> <code class="quiet">${project.slug}</code>${project.is_default && html` <span class="tag is-on">default</span>`} <span class="quiet">${project.description}</span>` },
    { head: "Time zone", class: "col-wide", cell: (/** @type {Project} */ project) => project.time_zone ?? html`<span class="quiet">${project.effective_time_zone}</span>` },
    { head: "State", cell: (/** @type {Project} */ project) => html`<${Flag} on=${project.is_active} yes="active" no="inactive" />` },
    { head: "Created", sort: "created_at", class: "col-time", cell: (/** @type {Project} */ project) => html`<${Ago} at=${project.created_at} />` },
    menuColumn((/** @type {Project} */ project) =>
      rowMenu(project.display_name, [
        can("projects.update") && { label: "Edit…", icon: "pencil", run: () => edit(project, list.reload) },
        can("projects.update") && !project.is_default && project.is_active && { label: "Make it the default", icon: "star", run: () => void makeDefault(project) },
        can("projects.update") && !project.is_default && { label: project.is_active ? "Deactivate" : "Activate", icon: "power", run: () => void setActive(project) },
        can("preferences.read") && { label: "What counts in it", icon: "adjustments", run: () => navigate(`/preferences/effective?project_id=${project.id}`) },
        can("projects.delete") && !project.is_default && { label: "Delete…", icon: "trash", danger: true, run: () => destroy(project, list.reload) },
      ]),
    ),
  ];
  const states = /** @type {const} */ ([["", "all"], ["true", "active"], ["false", "inactive"]]);
  return html`<div class="page-head"><h1>Projects</h1>
      ${can("projects.create") && html`<button type="button" class="btn btn-primary btn-sm" onClick=${() => edit(null, list.reload)}><${Icon} icon="plus" />New project</button>`}</div>
    <div class="filters"><nav class="filter-set" aria-label="State">
        ${states.map(([value, label]) => html`<a href=${withQuery({ is_active: value, cursor: null })} aria-current=${value === (filters.is_active ?? "") ? "true" : null}>${label}</a>`)}
      </nav><${SearchField} label="Search projects" /></div>
    <${List} of=${list} what="the projects" columns=${columns} empty=${html`<${Empty} title="No projects yet">A project gathers tasks, credentials and preferences.<//>`} />`;
}
