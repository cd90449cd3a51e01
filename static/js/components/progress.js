/** Progress of long work. */
import { html } from "../html.js";

/** Work that cannot say how far it is. @param {{label: string}} props */
export const Busy = ({ label }) => html`<div class="meter" role="progressbar" aria-label=${label}><span class="meter-fill is-busy"></span></div>`;

/** @param {{part: number, label: string}} props part: 0 to 1 */
export const Progress = ({ part, label }) => html`<div class="meter" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
  <span class="meter-fill" style=${{ width: `${part * 100}%` }}></span>
</div>`;
