/** What the API refused, in its words, beside what was written. */
import { html } from "../html.js";
import { Icon } from "./icon.js";
/** @import { ApiError } from "../api.js" */

/** @param {{error: ApiError}} props */
export function Problem({ error: { message, errors, retryAfter } }) {
  // The sentence names the fields already; where there are several, a list of them is read more easily.
  const isNamed = errors.every((item) => message.includes(item.message));
  const listed = errors.length > 1 || !isNamed;
  return html`<div class="problem" role="alert">
    <${Icon} icon="alert-circle" />
    <div>
      <p>${listed && isNamed ? "This was refused:" : message}${retryAfter > 0 && ` Try again in ${retryAfter} s.`}</p>
      ${listed && html`<ul>${errors.map((item) => html`<li><code>${item.field}</code> ${item.message}</li>`)}</ul>`}
    </div>
  </div>`;
}
