/** Answers while they come: one for each thread, kept up whatever page is shown, and read along again after a reload. */
import { signal } from "@preact/signals";
import * as api from "./api.js";

const DRAW_EVERY_MS = 80;
const TRY_AGAIN_MS = [500, 1000, 2000, 4000, 8000];
/** The ends of what a model calls when its answer was stopped before it began. */
const STOPPED = "request_canceled";

/**
 * @typedef {{name: string, arguments: string}} Call
 * @typedef {object} Live an answer that is coming, or has just come
 * @property {"sending" | "coming" | "lost" | "over"} state
 * @property {string} text
 * @property {Call[]} calls
 * @property {string | null} taskId of the agent's turn
 * @property {string} asked what the user said, until it is stored
 * @property {api.ApiError | null} error
 *
 * @typedef {{threadId: string, parentId: string | null, model: string, messages: Promise<any[]>, asked: string}} Question `messages`: what the model is told, which may still have to be read
 */

/** @type {import("@preact/signals").Signal<Map<string, Live>>} by thread */
const answers = signal(new Map());

/** Under which name an answer goes on without its reader. @param {string} threadId */
const nameOf = (threadId) => `chat-${threadId}`;
const addressOf = (/** @type {string} */ threadId) => `/v1/chat/answers/${nameOf(threadId)}`;

/** @param {string} threadId */
export const liveAnswer = (threadId) => answers.value.get(threadId) ?? null;

/** @param {string} threadId @param {Partial<Live> | null} change */
function set(threadId, change) {
  const all = new Map(answers.peek());
  /** @type {Live} */
  const before = all.get(threadId) ?? { state: "sending", text: "", calls: [], taskId: null, asked: "", error: null };
  if (change) all.set(threadId, { ...before, ...change });
  else all.delete(threadId);
  answers.value = all;
}

/** Whether an answer of the thread is on its way. @param {string} threadId */
export const isComing = (threadId) => !["over", undefined].includes(answers.peek().get(threadId)?.state);

/** Lets go of an answer that is stored. @param {string} threadId */
export const forget = (threadId) => void (isComing(threadId) || set(threadId, null));

/** Puts the pieces of an answer together. */
class Pieces {
  constructor() {
    this.text = "";
    /** @type {Call[]} */
    this.calls = [];
    /** @type {api.ApiError | null} */
    this.error = null;
  }

  /** @param {string} data of one event */
  add(data) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) this.error = new api.ApiError(0, { detail: chunk.error.message, code: chunk.error.code });
    const delta = chunk.choices?.[0]?.delta ?? {};
    this.text += delta.content ?? "";
    for (const { index, function: called } of delta.tool_calls ?? []) {
      const call = (this.calls[index] ??= { name: "", arguments: "" });
      call.name += called?.name ?? "";
      call.arguments += called?.arguments ?? "";
    }
  }
}

/** Shows an answer as it comes, to its end. @param {string} threadId @param {AsyncGenerator<string>} events */
async function follow(threadId, events) {
  const pieces = new Pieces();
  let drawn = 0;
  const draw = () => {
    drawn = performance.now();
    // Read again from its beginning, an answer does not shrink on the way.
    if (pieces.text.length >= (answers.peek().get(threadId)?.text.length ?? 0)) set(threadId, { text: pieces.text, calls: pieces.calls.filter(Boolean) });
  };
  for await (const data of events) {
    pieces.add(data);
    if (performance.now() - drawn >= DRAW_EVERY_MS) draw();
  }
  draw();
  set(threadId, { state: "over", error: pieces.error?.code === STOPPED ? null : pieces.error });
}

/** Reads along, and again where the connection breaks. @param {string} threadId @param {() => Promise<AsyncGenerator<string>>} open */
async function followThrough(threadId, open) {
  for (let tries = 0; ; tries++) {
    try {
      return await follow(threadId, await open());
    } catch (error) {
      const isGone = error instanceof api.ApiError && error.status !== 0;
      if (isGone || tries >= TRY_AGAIN_MS.length) return set(threadId, { state: "over" });
      set(threadId, { state: "lost" });
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS[tries]));
      open = () => again(threadId);
    }
  }
}

/** @param {string} threadId */
async function again(threadId) {
  const { events } = await api.openStream("GET", addressOf(threadId));
  set(threadId, { state: "coming" });
  return events;
}

/** The threads whose question waits for what was said before: nothing of it has gone out. @type {Set<string>} */
const unsaid = new Set();

/** Asks a model, and follows its answer until it is over. Throws the ApiError of what was refused. @param {Question} question @param {() => void} stored called once what was said is stored */
export async function ask({ threadId, parentId, model, messages, asked }, stored) {
  set(threadId, { state: "sending", text: "", calls: [], taskId: null, asked, error: null });
  unsaid.add(threadId);
  let opened;
  try {
    const told = await messages;
    if (!unsaid.has(threadId)) throw new api.ApiError(0, { title: "Stopped before it was sent." });
    unsaid.delete(threadId);
    opened = await api.openStream("POST", "/v1/chat/completions", {
      body: { model, messages: told, stream: true },
      headers: { "X-Thread-Id": threadId, "X-Keep-As": nameOf(threadId), ...(parentId ? { "X-Parent-Id": parentId } : {}) },
    });
  } catch (error) {
    unsaid.delete(threadId);
    set(threadId, null);
    throw error;
  }
  set(threadId, { state: "coming", asked: "", taskId: opened.headers.get("X-Task-Id") });
  stored();
  await followThrough(threadId, async () => opened.events);
}

/** Reads an answer that was begun before this page was loaded; whether there is one. @param {string} threadId */
export async function readAlong(threadId) {
  if (answers.peek().has(threadId)) return true;
  try {
    const { events } = await api.openStream("GET", addressOf(threadId));
    if (answers.peek().has(threadId)) return true;
    set(threadId, { state: "coming" });
    void followThrough(threadId, async () => events);
    return true;
  } catch (error) {
    if (error instanceof api.ApiError) return false;
    throw error;
  }
}

/** @typedef {{text: string, error: api.ApiError}} Refusal what was said first in a thread, and why it was not taken */

/** @type {import("@preact/signals").Signal<Map<string, Refusal>>} by thread */
const refusals = signal(new Map());

/** @param {string} threadId */
export const refusalOf = (threadId) => refusals.value.get(threadId) ?? null;

/** Keeps what was refused for the box of its thread; null once the box has it. @param {string} threadId @param {Refusal | null} refusal */
export function setRefusal(threadId, refusal) {
  const all = new Map(refusals.peek());
  if (refusal) all.set(threadId, refusal);
  else all.delete(threadId);
  refusals.value = all;
}

/** Ends a model's work on an answer. @param {string} threadId */
export async function stop(threadId) {
  if (unsaid.delete(threadId)) return;
  try {
    await api.remove(addressOf(threadId));
  } catch (error) {
    if (!(error instanceof api.ApiError) || error.status !== 404) throw error;
    throw new api.ApiError(404, { detail: "Nobody writes this answer any more: it broke off. In a minute or two it says so, and you can go on." });
  }
}
