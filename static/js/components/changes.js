/** Changes that can be taken back: the message that tells of one offers it. */
import * as api from "../api.js";
import { goes, stays } from "../going.js";
import { navigate, place } from "../router.js";
import { attempt, toast } from "./toast.js";

/**
 * Changes some fields of a thing; they are changed back only while nothing else has changed it since.
 * @param {string} path @param {Record<string, any> & {version: number}} thing as it is
 * @param {Record<string, any>} fields @param {string} done what is told @param {() => void} after
 */
export function change(path, thing, fields, done, after) {
  const before = Object.fromEntries(Object.keys(fields).map((name) => [name, thing[name]]));
  let version = thing.version;
  const forth = async () => ({ version } = await api.patch(path, fields, version));
  return attempt(forth, done, () => api.patch(path, before, version).then(after)).then(after);
}

/**
 * Orders something that another order takes back.
 * @param {string} path @param {{order: string, back: string}} orders @param {string} done what is told @param {() => void} after
 */
export const order = (path, { order: forth, back }, done, after) =>
  attempt(() => api.post(`${path}/${forth}`, {}), done, () => api.post(`${path}/${back}`, {}).then(after)).then(after);

/**
 * Removes what can be made again just as it was.
 * @param {string} path @param {(() => Promise<unknown>) | undefined} again none: it can't @param {string} done what is told @param {() => void} after
 */
export async function remove(path, again, done, after) {
  await api.remove(path);
  toast(done, { undo: again && (() => again().then(after)) });
  after();
}

/**
 * Deletes what can't be made again: for as long as the message offers to undo it, it is only shown as gone. Whoever leaves
 * the page meanwhile has it deleted at once; whoever undoes it where its own page left them is back there.
 * @param {string} path ends in its id @param {string} name @param {{doing: string, done: string}} words
 */
export async function destroy(path, name, { doing, done } = { doing: "Deleting", done: "Deleted" }) {
  const id = path.slice(path.lastIndexOf("/") + 1);
  const from = place.value.path;
  goes(id);
  toast(`${doing} ${name}…`, {
    kind: "info",
    undo: async () => {
      stays(id);
      if (from === `${place.value.path}/${id}`) navigate(from);
    },
    gone: async (isLeaving) => {
      try {
        await api.remove(path, { keepalive: isLeaving });
        toast(`${done} ${name}`);
      } catch (error) {
        stays(id);
        toast(`Not ${done.toLowerCase()}: ${name}. ${error instanceof Error ? error.message : String(error)}`, { kind: "failed" });
      }
    },
  });
}
