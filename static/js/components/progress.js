/** Progress of long work. */
import { html } from "../html.js";

/** @param {{part: number, label: string}} props part: 0 to 1 */
export const Progress = ({ part, label }) => html`<div class="meter" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
  <span class="meter-fill" style=${{ width: `${part * 100}%` }}></span>
</div>`;
