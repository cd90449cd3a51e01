/** A part of a page: its heading, what it is for, what can be added to it. */
import { html } from "../html.js";
import { Icon } from "./icon.js";

/** @param {{title: string, about?: any, add?: string | false, onAdd?: () => void, busy?: boolean, children?: any}} props `add`: the words of its button */
export const Section = ({ title, about, add, onAdd, busy, children }) => html`<section class="section" aria-label=${title}>
  <header class="section-head"><div><h2>${title}</h2>${about && html`<p class="quiet">${about}</p>`}</div>
    ${add && html`<button type="button" class="btn btn-sm" disabled=${busy} onClick=${onAdd}><${Icon} icon="plus" />${add}</button>`}</header>
  ${children}
</section>`;
