/** One value of the address, chosen from what the API offers. */
import { html } from "../html.js";
import { navigate, place, withQuery } from "../router.js";
import { useResource } from "../resource.js";
/** @import { Option } from "./input.js" */

/** @param {{name: string, label: string, none?: string, options: Option[] | (() => Promise<Option[]>)}} props `name` in the address; `none`: the words for no choice */
export function Choice({ name, label, none, options }) {
  const read = useResource(`${name} ${label}`, async () => (typeof options === "function" ? options() : options));
  const value = place.value.query.get(name) ?? "";
  const shown = read.data ?? [];
  return html`<label class="choice"><span>${label}</span><select class="form-select form-select-sm" value=${value} onChange=${(/** @type {any} */ e) => navigate(withQuery({ [name]: e.target.value, cursor: null }))}>
    ${none !== undefined && html`<option value="">${none}</option>`}
    ${none === undefined && !value && html`<option value="" disabled>${read.error ? "Could not be loaded" : "Choose…"}</option>`}
    ${shown.map((option) => html`<option value=${option.value}>${option.label}</option>`)}
    ${value && !shown.some((option) => option.value === value) && html`<option value=${value}>${value}</option>`}
  </select></label>`;
}
