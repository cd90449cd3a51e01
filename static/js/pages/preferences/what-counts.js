/** What a change of a preference would do to what counts, asked of the gateway before it is saved. */
import { html } from "../../html.js";
import { usePreview } from "../../preview.js";
import { Icon } from "../../components/icon.js";
import { Diff } from "../../components/json.js";
/** @import { PreferencePreview } from "../../types.js" */

const WHOM = { task: "this task", project: "you in this project", user: "this user", group: "you", system: "you" };

/** @param {string} line @returns {import("../../diff.js").Line} */
const lineOf = (line) => ({ kind: line.startsWith("-") ? "removed" : "added", text: line.slice(2) });

/** @param {PreferencePreview} found */
const unchanged = ({ applies, after }) =>
  !applies ? "You are no member, so nothing changes for you." : after.effective ? `Nothing changes: what counts comes from the ${after.effective.scope_type}.` : "Nothing changes.";

/** @param {{type: keyof typeof WHOM, path: string, change: {value: any} | {is_deleted: true} | null}} props `path` is the preference's own */
export function WhatCounts({ type, path, change }) {
  const shown = usePreview(`${path}/preview`, change);
  if (!change) return null;
  return html`<div role="status" aria-label="What counts then">
    <p class="form-label">What counts then for ${WHOM[type]}</p>
    ${shown.error && html`<p class="form-refused"><${Icon} icon="alert-circle" />${shown.error}</p>`}
    ${shown.found && (shown.found.diff.length ? html`<${Diff} lines=${shown.found.diff.map(lineOf)} label="Difference in what counts" />` : html`<p class="quiet">${unchanged(shown.found)}</p>`)}
  </div>`;
}
