/** Fields of a form read off a JSON Schema, and what they hold as a value that fits it. */
import { sentence } from "../../format.js";
import { example, fields, withoutNull } from "../api/openapi.js";
/** @import { Field } from "../../components/input.js" */
/** @import { Schema } from "../api/openapi.js" */

const AREA = 1000;

/** @param {Schema} root that references lead into @param {Schema} schema @returns {Partial<Field>} */
function control(root, schema) {
  if (schema.enum) return { kind: "select", options: schema.enum.map((/** @type {any} */ value) => ({ value: String(value), label: String(value) })) };
  if (schema.type === "boolean") return { kind: "switch" };
  if (schema.type === "integer" || schema.type === "number") return { kind: "number", min: schema.minimum, step: schema.type === "number" ? "any" : undefined };
  if (schema.type === "array" && withoutNull(root, schema.items ?? {}).schema.type === "string") return { kind: "words" };
  if (schema.format === "date-time") return { kind: "datetime-local" };
  if (schema.type === "string") return schema.format === "password" || schema.writeOnly ? { kind: "password", autocomplete: "new-password" } : (schema.maxLength ?? 0) >= AREA && schema.title?.startsWith("Text") ? { kind: "area" } : { kind: "text" };
  return { kind: "json", placeholder: fields(root, schema).length ? JSON.stringify(example(root, schema), null, 2) : undefined };
}

/** What must be given first, then what is in use, what is off at first, and lists last. @param {Field} field @param {Schema} schema */
const place = ({ required, kind }, { default: first }) => (required ? 0 : kind === "words" ? 3 : first === 0 || first === false ? 2 : 1);

/** @param {Schema} schema of an object @returns {Field[]} */
export const fieldsOf = (schema) =>
  Object.entries(schema.properties ?? {})
    .map(([name, given]) => {
      const each = withoutNull(schema, given).schema;
      const required = Boolean(schema.required?.includes(name)) && each.type !== "boolean";
      return /** @type {Field} */ ({ name, label: each.title ?? name, hint: each.description && sentence(each.description), required: required && each.type !== "array", ...control(schema, each) });
    })
    .sort((one, other) => place(one, schema.properties[one.name]) - place(other, schema.properties[other.name]));

/** What a form of the schema begins with. @param {Schema} schema @returns {Record<string, any>} */
export const initialOf = (schema) => Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, given]) => [name, /** @type {Schema} */ (given).default ?? undefined]));

/** The values of a form without those that were left empty. @param {Schema} schema @param {Record<string, any>} values @returns {Record<string, any>} */
export function valueOf(schema, values) {
  const fields = fieldsOf(schema);
  const filled = fields.filter(({ name, kind, required }) => required || !(values[name] === "" || values[name] === null || values[name] === undefined || (kind === "json" && JSON.stringify(values[name]) === "{}")));
  // A time is written in the reader's zone and sent in UTC.
  return Object.fromEntries(filled.map(({ name, kind }) => [name, kind === "datetime-local" ? new Date(values[name]).toISOString() : values[name]]));
}

/** The fields of a form that are written in JSON, and say what such an object holds. @param {Schema} schema @returns {Field[]} */
export const objectsOf = (schema) => fieldsOf(schema).filter(({ name, kind }) => kind === "json" && fields(schema, schema.properties[name]).length > 0);
