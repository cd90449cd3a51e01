/** What an object holds, as its schema says it: its fields, deeper ones to be opened. */
import { html } from "../../html.js";
import { fields, limits, typeName, withoutNull } from "./openapi.js";
/** @import { Schema } from "./openapi.js" */

/** Words with `code` in them. @param {{text: string}} props */
export const Words = ({ text }) => html`${text.split("`").map((part, i) => (i % 2 ? html`<code>${part}</code>` : part))}`;

/** @param {{document: any, schema: Schema, sent?: boolean, depth?: number}} props the fields of an object, deeper ones to be opened; sent: by the client, so that it matters which are required */
export function Fields({ document, schema, sent = false, depth = 0 }) {
  const list = fields(document, schema);
  if (!list.length) return html`<p class="field-type">${typeName(document, schema)}</p>`;
  return html`<dl class="fields">
    ${list.map(({ name, required, schema: one }) => {
      const inner = depth < 4 ? fields(document, one) : [];
      const { schema: whole } = withoutNull(document, one);
      return html`<div><dt><code>${name}</code>${required && sent && html` <span class="required">required</span>`}</dt>
        <dd><span class="field-type">${typeName(document, one)}</span> <span class="quiet">${limits(document, one)}</span>
          ${whole.description && inner.length === 0 && html`<p class="quiet"><${Words} text=${whole.description} /></p>`}
          ${inner.length > 0 && html`<details><summary>${inner.length} field${inner.length === 1 ? "" : "s"}</summary><${Fields} document=${document} schema=${one} sent=${sent} depth=${depth + 1} /></details>`}</dd></div>`;
    })}
  </dl>`;
}
