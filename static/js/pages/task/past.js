/** What a task went through: read on with each event, since changes are only added, and a run that has ended stays as it is. */
import * as api from "../../api.js";
/** @import { Change, Run } from "../../types.js" */

const PAGE = 200;

/** @param {string} id @returns {() => Promise<{history: Change[], runs: Run[]}>} reads what is new since it was last called */
export function pastOf(id) {
  /** Changes up to where the last page begins. @type {{before: Change[], cursor: string | null}} */
  let read = { before: [], cursor: null };
  /** Newest first. @type {Run[]} */
  let known = [];

  const changes = async () => {
    let { before, cursor } = read;
    for (;;) {
      const page = await api.get(`/v1/tasks/${id}/history`, { limit: PAGE, cursor });
      read = { before, cursor };
      if (!page.next_cursor) return [...before, ...page.items];
      before = [...before, ...page.items];
      cursor = page.next_cursor;
    }
  };
  const runs = async () => {
    /** @type {Run[]} */
    const fresh = [];
    const ended = new Set(known.filter((run) => run.ended_at).map((run) => run.id));
    let cursor = null;
    do {
      const page = /** @type {import("../../types.js").Page<Run>} */ (await api.get("/v1/runs", { task_id: id, limit: PAGE, cursor }));
      fresh.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && !ended.has(fresh[fresh.length - 1].id));
    const last = known.findIndex((run) => run.id === fresh.at(-1)?.id);
    return (known = cursor ? [...fresh, ...known.slice(last + 1)] : fresh);
  };
  return async () => {
    const [history, all] = await Promise.all([changes(), runs()]);
    return { history, runs: all };
  };
}
