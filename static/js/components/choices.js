/** What a field offers to choose from, read from the API when the field is shown. */
import * as api from "../api.js";
import { userName } from "../format.js";
/** @import { Option } from "./input.js" */

/**
 * All of a list that is answered as a whole, without pages. What grows with use is searched instead.
 * @param {string} path @param {(row: any) => string} label @param {(row: any) => string} value @returns {() => Promise<Option[]>}
 */
const choices = (path, label, value) => async () => (await api.get(path)).items.map((/** @type {any} */ row) => ({ value: value(row), label: label(row) }));

const OFFERED = 20;
const UNTITLED = "Untitled chat";

/** What to search for where a name was written as it is shown: several may have one, told apart by the end of their ids. @param {string} words */
const sought = (words) => words.replace(/ \([0-9a-f]{8}\)$/, "").replace(UNTITLED, "");
/** @param {string} name @param {string} id */
const toldApart = (name, id) => `${name} (${id.slice(-8)})`;

/**
 * One of a list that may be long, searched by the gateway: what a field of the kind `find` has.
 * @param {string} path @param {(row: any) => string} label @param {(row: any) => string} name @param {(row: any) => string} [value] @param {Record<string, any>} [query]
 */
const oneOf = (path, label, name, value = (row) => row.id, query = {}) => {
  const found = (/** @type {any} */ row) => ({ value: value(row), label: label(row), name: name(row) });
  return {
    kind: /** @type {const} */ ("find"),
    search: async (/** @type {string} */ q) => (await api.get(path, { ...query, q: sought(q), limit: OFFERED })).items.map(found),
    read: async (/** @type {string} */ id) => found(await api.get(`${path}/${encodeURIComponent(id)}`)),
  };
};

export const oneUser = oneOf("/v1/users", userName, (user) => user.handle);
export const oneGroup = oneOf("/v1/groups", (group) => group.name, (group) => group.name);
export const oneRole = oneOf("/v1/roles", (role) => role.name, (role) => role.name);
export const oneProject = oneOf("/v1/projects", (project) => project.display_name || project.slug, (project) => project.slug);
export const oneCredential = oneOf("/v1/credentials", (credential) => credential.kind.replaceAll("_", " "), (credential) => credential.name);
export const oneProvider = oneOf("/v1/providers", (provider) => provider.base_url ?? provider.kind, (provider) => provider.name, (provider) => provider.name);
export const oneTask = oneOf("/v1/tasks", (task) => task.status, (task) => task.name);
export const oneDestination = oneOf("/v1/destinations", (destination) => destination.destination_type, (destination) => destination.name);
export const oneConnector = (/** @type {string} */ type) => oneOf("/v1/connectors", (connector) => connector.description, (connector) => connector.name, undefined, { type });
export const oneSchedule = oneOf("/v1/schedules", (schedule) => schedule.name, (schedule) => schedule.name);
const titled = (/** @type {any} */ one) => toldApart(one.title || UNTITLED, one.id);
export const oneSession = oneOf("/v1/sessions", titled, titled);
export const oneChat = oneOf("/v1/chat/threads", titled, titled);
const token = (/** @type {any} */ one) => toldApart(one.name, one.id);
export const oneToken = oneOf("/v1/tokens", token, token);
export const connectorTypes = choices("/v1/connectors/catalog", (each) => each.title, (each) => each.type);
export const eventPatterns = choices("/v1/events/catalog", (item) => item.summary, (item) => item.name);

/** What roles, rules and scopes can give, and policy decides. @returns {Promise<Option[]>} */
export const actions = async () =>
  (await api.get("/v1/access/actions")).items.filter((/** @type {any} */ item) => !item.recorded_only).map((/** @type {any} */ item) => ({ value: item.action, label: item.description }));
