/** What a change of a preference would do to what counts, asked of the gateway before it is saved. */
import { html } from "../../html.js";
import { ApiError } from "../../api.js";
import { usePreview } from "../../preview.js";
import { useResource } from "../../resource.js";
import { oneProject, oneTask, oneUser } from "../../components/choices.js";
import { Icon } from "../../components/icon.js";
import { Diff } from "../../components/json.js";
/** @import { PreferencePreview } from "../../types.js" */

const WHOM = { task: "this task", project: "you in this project", user: "this user", group: "you", system: "you" };

/** Whose scopes a preview tells of, by their names; what may not be read stays an id. @param {PreferencePreview} found @returns {Promise<[string, string][]>} */
async function namesOf({ task_id: task, project_id: project, user_id: user }) {
  const known = [{ id: task, one: oneTask }, { id: project, one: oneProject }, { id: user, one: oneUser }].filter(({ id }) => id);
  const nameOf = (/** @type {typeof oneTask} */ one, /** @type {string} */ id) =>
    one.read(id).then(
      ({ name }) => name,
      (error) => {
        if (!(error instanceof ApiError)) throw error;
        return id;
      },
    );
  return Promise.all(known.map(async ({ id, one }) => /** @type {[string, string]} */ ([id, await nameOf(one, id ?? "")])));
}

/** @param {string} line @param {[string, string][]} names @returns {import("../../diff.js").Line} */
const lineOf = (line, names) => ({
  kind: line.startsWith("-") ? "removed" : "added",
  text: names.reduce((text, [id, name]) => text.replace(` scope (${id})`, ` scope (${name})`), line.slice(2)),
});

/** @param {PreferencePreview} found */
const unchanged = ({ applies, after }) =>
  !applies ? "You are no member, so nothing changes for you." : after.effective ? `Nothing changes: what counts comes from the ${after.effective.scope_type}.` : "Nothing changes.";

/** @param {{type: keyof typeof WHOM, path: string, change: {value: any} | {is_deleted: true} | null}} props `path` is the preference's own */
export function WhatCounts({ type, path, change }) {
  const shown = usePreview(`${path}/preview`, change);
  const { found } = shown;
  const whose = found?.diff.length ? [found.task_id, found.project_id, found.user_id] : [];
  const names = useResource(whose.join(" "), async () => (whose.length ? namesOf(found) : []));
  if (!change) return null;
  return html`<div role="status" aria-label="What counts then">
    <p class="form-label">What counts then for ${WHOM[type]}</p>
    ${shown.error && html`<p class="form-refused"><${Icon} icon="alert-circle" />${shown.error}</p>`}
    ${found && names.data && (found.diff.length ? html`<${Diff} lines=${found.diff.map((/** @type {string} */ line) => lineOf(line, names.data ?? []))} label="Difference in what counts" />` : html`<p class="quiet">${unchanged(found)}</p>`)}
  </div>`;
}
