/** The model that answers where none is named: a setting of the gateway's. */
import { useState } from "preact/hooks";
import * as api from "./api.js";
import { about, useResource } from "./resource.js";
import { can } from "./session.js";
import { attempt } from "./components/toast.js";
/** @import { Setting } from "./types.js" */

const PATH = "/v1/settings/chat.default_model";

/**
 * The setting, none for whoever may not read it, and what changes it. From the moment it is chosen the model is that one, lest what is
 * asked next went to the one before.
 * @returns {{setting: Setting | null, choose: (id: string) => Promise<void>}}
 */
export function useDefaultModel() {
  const { data: kept, reload } = useResource(PATH, async () => (can("settings.read") ? api.get(PATH) : null), about("setting."));
  const [chosen, setChosen] = useState(/** @type {string | null} */ (null));
  const choose = (/** @type {string} */ id) => {
    const back = () => (kept?.source === "database" ? api.put(PATH, { value: kept.value }) : api.remove(PATH));
    setChosen(id);
    return attempt(() => api.put(PATH, { value: id }), `${id} answers where no model is named`, () => back().then(reload))
      .then(reload)
      .finally(() => setChosen(null));
  };
  return { setting: kept && chosen !== null ? { ...kept, value: chosen } : kept, choose };
}
