/** What a change of a preference would do to what counts, asked of the gateway before it is saved. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { ApiError } from "../../api.js";
import { Icon } from "../../components/icon.js";
import { Diff } from "../../components/json.js";
/** @import { PreferencePreview } from "../../types.js" */

const SETTLE_MS = 250;
const WHOM = { task: "this task", project: "you in this project", user: "this user", group: "you", system: "you" };

/** @param {string} line @returns {import("../../diff.js").Line} */
const lineOf = (line) => ({ kind: line.startsWith("-") ? "removed" : "added", text: line.slice(2) });

/** @param {PreferencePreview} found */
const unchanged = ({ applies, after }) =>
  !applies ? "You are no member, so nothing changes for you." : after.effective ? `Nothing changes: what counts comes from the ${after.effective.scope_type}.` : "Nothing changes.";

/** @param {{type: keyof typeof WHOM, path: string, change: {value: any} | {is_deleted: true} | null}} props `path` is the preference's own */
export function WhatCounts({ type, path, change }) {
  const key = JSON.stringify([path, change]);
  const [shown, setShown] = useState(/** @type {{found?: PreferencePreview, error?: string}} */ ({}));
  useEffect(() => {
    if (!change) return setShown({});
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const found = await api.post(`${path}/preview`, change);
        if (current) setShown({ found });
      } catch (problem) {
        if (!(problem instanceof ApiError)) throw problem;
        if (current) setShown({ error: problem.errors[0]?.message ?? problem.message });
      }
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);
  if (!change) return null;
  return html`<div role="status" aria-label="What counts then">
    <p class="form-label">What counts then for ${WHOM[type]}</p>
    ${shown.error && html`<p class="form-refused"><${Icon} icon="alert-circle" />${shown.error}</p>`}
    ${shown.found && (shown.found.diff.length ? html`<${Diff} lines=${shown.found.diff.map(lineOf)} label="Difference in what counts" />` : html`<p class="quiet">${unchanged(shown.found)}</p>`)}
  </div>`;
}
