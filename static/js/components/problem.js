/** What the API refused, in its words, beside what was written. */
import { html } from "../html.js";
import { Icon } from "./icon.js";
/** @import { ApiError } from "../api.js" */

/** @param {{error: ApiError}} props */
export const Problem = ({ error }) => html`<div class="problem" role="alert">
  <${Icon} icon="alert-circle" />
  <div>
    <p>${error.message}${error.retryAfter > 0 && ` Try again in ${error.retryAfter} s.`}</p>
    ${error.errors.length > 0 && html`<ul>${error.errors.map((item) => html`<li><code>${item.field}</code> ${item.message}</li>`)}</ul>`}
  </div>
</div>`;
