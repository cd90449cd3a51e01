/** The live connection: one WebSocket for the whole console, which catches up from the last event it saw. */
import { signal } from "@preact/signals";
import { giveUp } from "./api.js";
import { loadSession, shutOut } from "./session.js";
/** @import { GatewayEvent } from "./types.js" */

const PATTERNS = [
  "task.*", "job.*", "run.*", "artifact.*", "node.*", "agent.*", "project.*", "preference.*", "setting.*", "credential.*", "provider.*",
  "thread.*", "message.*", "user.*", "session.*", "token.*", "group.*", "role.*", "role_binding.*", "policy_rule.*", "spend_limit.*",
  "destination.*", "subscription.*", "delivery.*", "hook.*", "process.*", "retention.*", "retention_policy.*",
  "schedule.*", "connector.*", "transcript.*", "backup.*", "model.*", "master_key.*", "recovery_kit.*",
];
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const TICK_MS = 4_000;
const SILENT_MS = 10_000;
const ANSWER_MS = 8_000;

/** @type {import("@preact/signals").Signal<"connecting" | "live" | "waiting">} */
export const connection = signal("connecting");

/** @type {Set<(event: GatewayEvent | null) => void>} */
const listeners = new Set();
/** @type {WebSocket | null} */
let socket = null;
/** @type {number | undefined} */
let timer;
let lastSeq = 0;
let wait = FIRST_WAIT_MS;
let lastTick = 0;
let heardAt = 0;
/** Since when an answer is waited for; 0 where none is. */
let askedAt = 0;

/**
 * Calls back for each event. With null when events may have been missed: read everything again.
 * @param {(event: GatewayEvent | null) => void} listener
 * @returns {() => void} stops listening
 */
export function listen(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** @param {GatewayEvent | null} event */
function tell(event) {
  for (const listener of [...listeners]) listener(event);
}

/** @param {WebSocket} to */
function subscribe(to) {
  to.send(JSON.stringify({ subscribe: PATTERNS, ...(lastSeq ? { since: lastSeq } : {}) }));
}

/** @param {WebSocket} from @param {string} text */
function receive(from, text) {
  const message = JSON.parse(text);
  heardAt = Date.now();
  askedAt = 0;
  if (message.subscribed) {
    wait = FIRST_WAIT_MS;
    connection.value = "live";
    if (!lastSeq) tell(null);
  } else if (message.reset || message.error) {
    // Too far behind, or the log is another one: begin anew from the present.
    lastSeq = 0;
    if (message.reset) subscribe(from);
    else from.close();
  } else if (message.seq > lastSeq) {
    lastSeq = message.seq;
    tell(message);
  }
}

function open() {
  clearTimeout(timer);
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/events/ws`);
  socket = opened;
  askedAt = Date.now();
  opened.onopen = () => subscribe(opened);
  opened.onmessage = (event) => receive(opened, event.data);
  opened.onclose = () => socket === opened && reopenLater();
}

function reopenLater() {
  socket = null;
  askedAt = 0;
  connection.value = "waiting";
  clearTimeout(timer);
  timer = setTimeout(async () => {
    askedAt = Date.now();
    const signedIn = await loadSession().catch(() => undefined);
    if (socket) return; // no answer came, and another was opened
    if (signedIn !== null) return open();
    void shutOut();
    reopenLater(); // somebody may sign in, here or beside it
  }, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}

/** Drops a connection that may be dead and opens another at once. */
export function reconnect() {
  const old = socket;
  socket = null;
  old?.close();
  wait = FIRST_WAIT_MS;
  open();
  void loadSession().catch(() => {}); // it may be somebody else's by now
}

/** A network that dies may say nothing: after a while of silence the gateway is asked for a sign of life. */
function listenForLife() {
  const now = Date.now();
  if (askedAt && now - askedAt > ANSWER_MS) {
    connection.value = "waiting";
    giveUp();
    reconnect();
  } else if (socket && !askedAt && now - heardAt > SILENT_MS) {
    askedAt = now;
    socket.send(JSON.stringify({ ping: true }));
  }
}

/**
 * Starts the connection, and watches for a silent end of it and for the machine having slept.
 * @param {number} since the last event's number before anything was read: what came meanwhile is told, nothing has to be read again
 */
export function start(since) {
  if (socket) return;
  lastSeq = since;
  open();
  lastTick = Date.now();
  setInterval(() => {
    const slept = Date.now() - lastTick > TICK_MS * 4;
    lastTick = Date.now();
    if (slept && document.visibilityState === "visible") reconnect();
    else listenForLife();
  }, TICK_MS);
  // What the browser knows need not be found out.
  for (const change of ["offline", "online"]) window.addEventListener(change, reconnect);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && connection.value === "waiting") reconnect();
  });
}
