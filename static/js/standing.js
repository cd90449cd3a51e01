/** How the gateway stands as a whole – what runs, what waits, paused, spending stopped –, and the two switches for it. */
import { signal } from "@preact/signals";
import * as api from "./api.js";
import { listen } from "./live.js";
import { can } from "./session.js";
import { attempt } from "./components/toast.js";
/** @import { Node, Page } from "./types.js" */

const SETTLE_MS = 500;
const STOP = "/v1/settings/limits.spending_stopped";

/** @typedef {{running: number, waiting: number, paused: boolean | null, stopped: boolean | null}} Standing null: not for this user */

/** @type {import("@preact/signals").Signal<Standing | null>} */
export const standing = signal(null);

/** @returns {Promise<Node[]>} */
const nodes = () => api.all("/v1/nodes");

/** Nodes that an operator has let take work, or not. @param {Node} node */
const isHeld = ({ state }) => state === "draining" || state === "drained" || state === "disabled";

async function isPaused() {
  if (!can("nodes.read") || !can("nodes.drain")) return null;
  const there = (await nodes()).filter((node) => node.state !== "offline");
  return there.length > 0 && there.every(isHeld);
}

export async function readStanding() {
  const [queue, paused, stopped] = await Promise.all([
    can("queue.read") ? api.get("/v1/queue") : null,
    isPaused(),
    can("settings.write") ? api.get(STOP).then((setting) => setting.value === true) : null,
  ]);
  const counts = queue?.depth.by_state ?? {};
  standing.value = { running: counts.running ?? 0, waiting: counts.pending ?? 0, paused, stopped };
  return standing.value;
}

/** In words, as the tray shows it. @param {Standing} now */
export function inWords({ running, waiting, paused, stopped }) {
  const work = running || waiting ? `${running} running, ${waiting} waiting` : "Nothing to do";
  return [work, paused && "paused", stopped && "model spending stopped"].filter(Boolean).join(" · ");
}

async function pause() {
  for (const node of (await nodes()).filter(({ state }) => state === "online")) await api.post(`/v1/nodes/${node.id}/drain`, {});
  await readStanding();
}

async function resume() {
  for (const node of (await nodes()).filter(isHeld)) await api.post(`/v1/nodes/${node.id}/enable`, {});
  await readStanding();
}

/** Pauses all work – what runs goes on; nothing new begins – or lets it go on; told with the way back. @param {boolean} on */
export const turnPause = (on) => attempt(on ? pause : resume, on ? "Work is paused: what runs goes on, nothing new begins" : "Work goes on", on ? resume : pause);

/** @param {boolean} stopped */
async function stopSpending(stopped) {
  await api.put(STOP, { value: stopped });
  await readStanding();
}

/** Stops all model spending, or allows it; told with the way back. @param {boolean} on */
export const turnStop = (on) => attempt(() => stopSpending(on), on ? "Models that cost money are no longer called" : "Models that cost money are called again", () => stopSpending(!on));

/** Keeps `standing` up to date from now on. A failed reading is made good by the next event. */
export function watchStanding() {
  const again = () => {
    timer = undefined;
    readStanding().catch((error) => {
      if (!(error instanceof api.ApiError)) throw error;
    });
  };
  /** @type {number | undefined} */
  let timer = setTimeout(again, SETTLE_MS); // what this page shows goes first
  listen((event) => {
    if (timer === undefined && (!event || /^(task|run|node|setting)\./.test(event.name))) timer = setTimeout(again, SETTLE_MS);
  });
}
