/** The model that answers where none is named: a setting of the gateway's. */
import * as api from "./api.js";
import { about, useResource } from "./resource.js";
import { can } from "./session.js";
import { attempt } from "./components/toast.js";
/** @import { Setting } from "./types.js" */

const PATH = "/v1/settings/chat.default_model";

/** The setting; none for whoever may not read it. @returns {{setting: Setting | null, reload: () => void}} */
export function useDefaultModel() {
  const { data, reload } = useResource(PATH, async () => (can("settings.read") ? api.get(PATH) : null), about("setting."));
  return { setting: data, reload };
}

/** @param {string} id @param {Setting} before as it was, to be taken back @param {() => void} done */
export function makeDefault(id, before, done) {
  const back = () => (before.source === "database" ? api.put(PATH, { value: before.value }) : api.remove(PATH));
  return attempt(() => api.put(PATH, { value: id }), `${id} answers where no model is named`, () => back().then(done)).then(done);
}
