/** Planned times: in the zone they are planned in and in the reader's own, clock changes marked. */
import { html } from "../../html.js";
import { usePreview } from "../../preview.js";
import { Icon } from "../../components/icon.js";
/** @import { Planned } from "../../types.js" */

export const MY_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** May go on in a new line after each of its parts. @param {string} zone */
export const zoneName = (zone) => zone.split("/").map((part, index) => html`${index > 0 && html`/<wbr />`}${part}`);

/** With its year where that is not the present one. @param {string} time @param {string} zone */
export function inZone(time, zone) {
  const year = time.slice(0, 4) === new Date().toISOString().slice(0, 4) ? undefined : "numeric";
  return new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "2-digit", month: "short", year, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone }).format(new Date(time)).replace(/:00$/, "");
}

/** @param {{items: Planned[], zone: string}} props */
export function PlannedTimes({ items, zone }) {
  const foreign = zone !== MY_ZONE;
  return html`<ol class="planned">
    ${items.map((item, index) => {
      const changed = index > 0 && items[index - 1].utc_offset !== item.utc_offset;
      return html`<li key=${item.utc} class=${item.skipped ? "is-skipped" : null}>
        ${changed && html`<p class="planned-change"><${Icon} icon="clock" />Clocks change: UTC${items[index - 1].utc_offset} becomes UTC${item.utc_offset}</p>`}
        <time datetime=${item.utc} class="tabular">${inZone(item.utc, zone)}</time> <span class="quiet tabular">UTC${item.utc_offset}</span>
        ${foreign && html`<span class="quiet tabular planned-mine">${inZone(item.utc, MY_ZONE)} here</span>`}
        ${item.skipped && html` <span class="tag">skipped</span>`}
      </li>`;
    })}
  </ol>`;
}

/** What a timing comes to, asked of the gateway while it is written. @param {{timing: Record<string, any> | null}} props */
export function TimingPreview({ timing }) {
  const shown = usePreview("/v1/schedules/preview", timing && { ...timing, count: 5 });
  if (!timing) return null;
  return html`<div class="timing-preview" role="status" aria-label="What it comes to">
    ${shown.error && html`<p class="form-refused"><${Icon} icon="alert-circle" />${shown.error}</p>`}
    ${shown.found && html`<p><b>${shown.found.description}</b> <span class="quiet">${shown.found.time_zone}</span></p>
      ${shown.found.items.length ? html`<${PlannedTimes} items=${shown.found.items} zone=${shown.found.time_zone} />` : html`<p class="form-refused"><${Icon} icon="alert-circle" />It never comes.</p>`}`}
  </div>`;
}
