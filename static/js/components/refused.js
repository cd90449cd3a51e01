/** What was refused of a form, each reason with the field that it is about. */
import { html } from "../html.js";
import { sentence } from "../format.js";
import { Icon } from "./icon.js";
/** @import { ApiError } from "../api.js" */
/** @import { Field } from "./input.js" */

/** Which field a part of what was sent is written in. @template {Pick<Field, "name">} F @param {F[]} fields @param {string} path */
const fieldAt = (fields, path) => fields.find(({ name }) => path === name || path.startsWith(`${name}.`));

/**
 * Reasons by the names of fields, in the API's words – of a value in JSON also at which part of it –, and whether these are
 * all: what is about no field that is shown has to be said elsewhere.
 * @param {Pick<Field, "name" | "kind">[]} fields those that are shown @param {ApiError} problem
 * @param {(path: string) => string} [fieldOf] what the API calls a part of what was sent, by the names of the fields
 */
export function refusedOf(fields, { errors }, fieldOf = (path) => path) {
  /** @type {Record<string, string>} */
  const reasons = {};
  let isAll = errors.length > 0;
  for (const { field: part, message } of errors) {
    const whole = fieldOf(part);
    // The fields of a part are often written as those of the form.
    const path = fieldAt(fields, whole) ? whole : whole.slice(whole.indexOf(".") + 1);
    const field = fieldAt(fields, path);
    if (!field) isAll = false;
    else {
      const said = field.kind === "json" && path !== field.name ? `${path.slice(field.name.length + 1)}: ${message}` : sentence(message);
      reasons[field.name] = reasons[field.name] ? `${reasons[field.name]}; ${said}` : said;
    }
  }
  return { reasons, isAll };
}

/** What a control says of itself where it was refused, or has a hint. @param {string} id @param {string} [refused] @param {any} [hint] */
export const saying = (id, refused, hint) => ({ "aria-invalid": refused ? "true" : null, "aria-describedby": [hint && `${id}-hint`, refused && `${id}-refused`].filter(Boolean).join(" ") || null });

/** @param {{id: string, text?: string}} props `id`: the control's */
export const Refused = ({ id, text }) => text && html`<p class="form-refused" id=${`${id}-refused`} role="alert"><${Icon} icon="alert-circle" />${text}</p>`;
