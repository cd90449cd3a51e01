/** Fields of a form made from a JSON Schema: settings of kinds that the console need not know. */
/** @import { Field } from "../../components/input.js" */

/** @typedef {Record<string, any>} Schema */

/** What a property is, where it may also be null. @param {Schema} property @returns {Schema} */
const plain = (property) => (property.anyOf ? { ...property, ...property.anyOf.find((/** @type {Schema} */ each) => each.type !== "null") } : property);

/** @param {Schema} property @returns {Field["kind"]} */
function kindOf({ type, enum: allowed }) {
  if (allowed) return "select";
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "switch";
  if (type === "array") return "words";
  return type === "object" ? "json" : "text";
}

/** What must be given first, lists last. @param {Schema} schema of an object @param {string} prefix of the fields' names @returns {Field[]} */
export function fieldsOf(schema, prefix) {
  const required = new Set(schema.required ?? []);
  const place = (/** @type {[string, Schema]} */ [name, { type }]) => (required.has(name) ? 0 : type === "array" ? 2 : 1);
  const properties = Object.entries(schema.properties ?? {}).sort((one, other) => place(one) - place(other));
  return properties.map(([name, given]) => {
    const property = plain(given);
    const options = property.enum && { options: property.enum.map((/** @type {string} */ value) => ({ value, label: value })) };
    const least = property.minimum === undefined ? {} : { min: property.minimum };
    return { name: `${prefix}${name}`, label: given.title ?? name, hint: given.description, kind: kindOf(property), required: required.has(name), ...options, ...least };
  });
}

/** What the form begins with. @param {Schema} schema @param {string} prefix @param {Record<string, any>} values */
export function initialOf(schema, prefix, values) {
  const defaults = Object.entries(schema.properties ?? {}).filter(([, property]) => property.default !== undefined && property.default !== null);
  const found = { ...Object.fromEntries(defaults.map(([name, property]) => [name, property.default])), ...values };
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [`${prefix}${name}`, value]));
}

/** The object that the fields with this prefix describe; what was left empty is null. @param {Record<string, any>} values @param {string} prefix */
export const objectOf = (values, prefix) =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value === "" ? null : value]),
  );
