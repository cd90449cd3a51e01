/** Reads an OpenAPI 3.1 document: its operations, what a schema allows in words, an example of it. */
import { grouped } from "../../format.js";

/** @typedef {Record<string, any>} Schema */
/** @typedef {{name: string, in: "path" | "query" | "header", required: boolean, description: string, schema: Schema}} Parameter */
/**
 * @typedef {object} Operation
 * @property {string} id stable in addresses: method and path
 * @property {string} method in capitals
 * @property {string} path
 * @property {string} summary
 * @property {string} description
 * @property {string} tag
 * @property {Parameter[]} parameters
 * @property {Record<string, {schema?: Schema}>} body by media type
 * @property {{status: string, description: string, type: string, schema: Schema | null}[]} responses
 */

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 5;

/** @param {any} document @param {any} node follows a `$ref` into the same document @returns {any} */
export function resolve(document, node) {
  if (typeof node?.$ref !== "string") return node ?? {};
  const target = node.$ref.split("/").slice(1).reduce((/** @type {any} */ at, /** @type {string} */ key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
  return resolve(document, target);
}

/** @param {any} document @returns {Operation[]} in the document's order of tags and paths */
export function operations(document) {
  /** @type {Operation[]} */
  const found = [];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((one) => resolve(document, one));
      const responses = Object.entries(operation.responses ?? {}).map(([status, answer]) => {
        const [type, content] = Object.entries(resolve(document, answer).content ?? {})[0] ?? ["", null];
        return { status, description: resolve(document, answer).description ?? "", type, schema: /** @type {any} */ (content)?.schema ?? null };
      });
      found.push({
        id: `${method}${path}`,
        method: method.toUpperCase(),
        path,
        summary: operation.summary ?? path,
        description: operation.description ?? "",
        tag: operation.tags?.[0] ?? "Other",
        parameters: parameters.filter((one) => one.in !== "cookie").map((one) => ({ description: "", required: false, schema: {}, ...one })),
        body: resolve(document, operation.requestBody).content ?? {},
        responses: responses.sort((a, b) => (a.status < b.status ? -1 : 1)),
      });
    }
  }
  const order = (/** @type {Operation} */ one) => (document.tags ?? []).findIndex((/** @type {{name: string}} */ tag) => tag.name === one.tag);
  return found.sort((a, b) => order(a) - order(b));
}

/** The schema without its null, and whether that was allowed. @param {any} document @param {Schema} schema @returns {{schema: Schema, nullable: boolean}} */
export function withoutNull(document, schema) {
  const whole = resolve(document, schema);
  const choices = whole.anyOf ?? whole.oneOf;
  if (!choices) return { schema: whole, nullable: false };
  const rest = choices.filter((/** @type {Schema} */ one) => one.type !== "null");
  const nullable = rest.length < choices.length;
  return rest.length === 1 ? { schema: { ...resolve(document, rest[0]), ...pick(whole, ["title", "description", "default"]) }, nullable } : { schema: { ...whole, anyOf: rest }, nullable };
}

/** @param {Schema} from @param {string[]} names @returns {Schema} */
const pick = (from, names) => Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));

/** What a value may be, in a few words. @param {any} document @param {Schema} given @returns {string} */
export function typeName(document, given) {
  const { schema, nullable } = withoutNull(document, given);
  const end = nullable ? " or null" : "";
  if (schema.enum) return schema.enum.map((/** @type {any} */ value) => JSON.stringify(value)).join(" | ") + end;
  if (schema.const !== undefined) return JSON.stringify(schema.const) + end;
  if (schema.anyOf) return schema.anyOf.map((/** @type {Schema} */ one) => typeName(document, one)).join(" or ") + end;
  if (schema.type === "array") return `list of ${typeName(document, schema.items ?? {})}${end}`;
  const names = /** @type {Record<string, string>} */ ({ uuid: "UUID", "date-time": "time", binary: "file", date: "date", uri: "address" });
  return (names[schema.format] ?? schema.type ?? "anything") + end;
}

/** The limits of a value, in words. @param {any} document @param {Schema} given @returns {string} */
export function limits(document, given) {
  const { schema } = withoutNull(document, given);
  const said = [
    schema.minimum !== undefined && `at least ${schema.minimum}`,
    schema.exclusiveMinimum !== undefined && `more than ${schema.exclusiveMinimum}`,
    schema.maximum !== undefined && `at most ${schema.maximum}`,
    schema.maxLength !== undefined && `up to ${grouped(schema.maxLength)} characters`,
    schema.maxItems !== undefined && `up to ${schema.maxItems} items`,
    schema.pattern !== undefined && `matching ${schema.pattern}`,
    schema.default !== undefined && schema.default !== null && `default ${JSON.stringify(schema.default)}`,
  ];
  return said.filter(Boolean).join(", ");
}

/** The fields of an object, one level. @param {any} document @param {Schema} given @returns {{name: string, required: boolean, schema: Schema}[]} */
export function fields(document, given) {
  const { schema } = withoutNull(document, given);
  const inner = schema.type === "array" ? withoutNull(document, schema.items ?? {}).schema : schema;
  return Object.entries(inner.properties ?? {}).map(([name, one]) => ({ name, required: (inner.required ?? []).includes(name), schema: one }));
}

/** A value to begin with: what is required, or where nothing is, the first field. @param {any} document @param {Schema} given @param {number} [depth] @returns {any} */
export function example(document, given, depth = 0) {
  const { schema } = withoutNull(document, given);
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(document, schema.anyOf[0], depth + 1);
  if (schema.type === "object" && depth < DEEPEST) {
    const all = fields(document, schema);
    const needed = all.filter((field) => field.required);
    return Object.fromEntries((needed.length ? needed : all.slice(0, 1)).map((field) => [field.name, example(document, field.schema, depth + 1)]));
  }
  return { array: [], boolean: false, integer: 0, number: 0, object: {} }[/** @type {"array"} */ (schema.type)] ?? "";
}
