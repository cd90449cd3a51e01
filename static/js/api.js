/** The only caller of the public API: requests, their errors, uploads with progress, streams. */
import { eventsOf } from "./sse.js";
/** @import { Task, Artifact, Page } from "./types.js" */

/** What the API answered, or that it did not. `status` is 0 when the gateway could not be reached. */
export class ApiError extends Error {
  /** @param {number} status @param {{title?: string, detail?: string, code?: string, request_id?: string, errors?: {field: string, message: string}[]}} problem @param {number} [retryAfter] */
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || `The gateway answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
    this.requestId = problem.request_id ?? "";
    this.errors = problem.errors ?? [];
    this.body = /** @type {any} */ (problem);
    this.retryAfter = retryAfter ?? 0;
  }
}

/** What is asked for is under way already. */
export class Repeated extends ApiError {
  constructor() {
    super(0, { title: "This is under way already." });
  }
}

/** What actions have asked for, until they are over. @type {Set<string>} */
const ordered = new Set();
/** What the action asks for that begins at this moment. @type {string[] | null} */
let beginning = null;

/** Does what a button is for: who asks for the same again before it is over gets Repeated. @template T @param {() => Promise<T>} action */
export async function once(action) {
  /** @type {string[]} */
  const ours = (beginning = []);
  const work = action();
  beginning = null;
  try {
    return await work;
  } finally {
    for (const order of ours) ordered.delete(order);
  }
}

/** @param {string[]} orders those of its action @param {any[]} asked */
function note(orders, asked) {
  const order = JSON.stringify(asked);
  if (ordered.has(order)) throw new Repeated();
  ordered.add(order);
  orders.push(order);
}

const UNREACHABLE = { title: "The gateway can't be reached.", code: "unreachable" };

const TRY_OUT_MS = 15_000;
const TRY_OUT_CHARS = 1_000_000;

let csrfToken = "";
/** @type {(() => void) | null} */
let onUnauthenticated = null;

let line = new AbortController();

/** Gives up what waits for an answer over a network that has gone: the browser would wait for minutes. */
export function giveUp() {
  line.abort();
  line = new AbortController();
}

/** @param {string} token */
export function useCsrfToken(token) {
  csrfToken = token;
}

/** @param {() => void} handler called when an answer says that nobody is signed in any more */
export function whenUnauthenticated(handler) {
  onUnauthenticated = handler;
}

/** @returns {string} a random UUID; `crypto.randomUUID` is missing on plain http to another machine */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} status @param {string} text @param {string | null} retryAfter */
function errorFrom(status, text, retryAfter) {
  let problem = {};
  try {
    const { error, ...rest } = JSON.parse(text);
    problem = error?.message ? { detail: error.message, code: error.code } : rest; // the first is OpenAI's shape
  } catch {
    problem = { title: `The gateway answered ${status}.` };
  }
  return new ApiError(status, problem, Number(retryAfter) || 0);
}

/**
 * @param {Record<string, string | number | null | undefined>} [query] empty values are left out
 */
export function queryString(query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : "";
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, query?: Record<string, any>, headers?: Record<string, string>, signal?: AbortSignal, quiet?: boolean, keepalive?: boolean, isNew?: boolean}} [options]
 *   `quiet`: a 401 is the caller's own business; `isNew`: what is made by it is made once, also where it has to be sent again
 * @returns {Promise<Response>} only when it is a success; everything else throws an ApiError
 */
async function send(method, path, { body, query, headers = {}, signal, quiet, keepalive, isNew } = {}) {
  if (beginning && method !== "GET") note(beginning, [method, path, body, headers]);
  const all = new Headers({ Accept: "application/json", ...headers });
  if (method !== "GET") all.set("X-CSRF-Token", csrfToken);
  if (isNew) all.set("Idempotency-Key", randomKey());
  if (body !== undefined) all.set("Content-Type", "application/json");
  let response;
  try {
    response = await fetch(path + queryString(query), {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: signal ?? line.signal,
      keepalive,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, UNREACHABLE);
  }
  if (response.ok) return response;
  if (response.status === 401 && !quiet) onUnauthenticated?.();
  throw errorFrom(response.status, await arrived(response.text()), response.headers.get("Retry-After"));
}

/** What an answer holds: it may break off in its middle as well as before it. @template T @param {Promise<T>} read @returns {Promise<T>} */
const arrived = (read) =>
  read.catch((error) => {
    throw error instanceof SyntaxError ? error : new ApiError(0, UNREACHABLE);
  });

/** @param {Response} response @returns {Promise<any>} */
const decoded = async (response) => (response.status === 204 ? null : arrived(response.json()));

/** What is being asked at this moment. @type {Map<string, Promise<any>>} */
const asked = new Map();

/**
 * What several parts of a page ask for at once is asked for once.
 * @param {string} path @param {Record<string, any>} [query] @param {{signal?: AbortSignal, quiet?: boolean}} [options] @returns {Promise<any>}
 */
export function get(path, query, options) {
  const read = async () => decoded(await send("GET", path, { query, ...options }));
  if (options) return read();
  const address = path + queryString(query);
  const answer = asked.get(address) ?? read();
  asked.set(address, answer);
  queueMicrotask(() => asked.delete(address)); // a moment later it may be another
  return answer;
}

const WIDEST_PAGE = 200;

/** Every row of a list that nobody makes long. @param {string} path @param {Record<string, any>} [query] @returns {Promise<any[]>} */
export async function all(path, query) {
  const rows = [];
  let cursor = null;
  do {
    const page = await get(path, { limit: WIDEST_PAGE, ...query, cursor });
    rows.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return rows;
}

/** @param {string} path @param {any} [body] @param {{quiet?: boolean}} [options] @returns {Promise<any>} */
export const post = async (path, body = {}, options) => decoded(await send("POST", path, { body, ...options }));

/** @param {string} path @param {any} body @param {number} [version] refuse the change when it is no longer this one @returns {Promise<any>} */
export const patch = async (path, body, version) =>
  decoded(await send("PATCH", path, { body, headers: version ? { "If-Match": `"${version}"` } : {} }));

/** @param {string} path @param {any} body @returns {Promise<any>} */
export const put = async (path, body) => decoded(await send("PUT", path, { body }));

/** @param {string} path @param {{keepalive?: boolean}} [options] `keepalive`: even though the page goes @returns {Promise<null>} */
export const remove = async (path, options) => decoded(await send("DELETE", path, options));

/**
 * An answer that comes in pieces: its headers, and the `data` of each server-sent event.
 * @param {string} method @param {string} path
 * @param {{body?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 */
export async function openStream(method, path, { body, headers, signal } = {}) {
  const response = await send(method, path, { body, headers: { Accept: "text/event-stream", ...headers }, signal });
  return { headers: response.headers, events: eventsOf(/** @type {ReadableStream<Uint8Array>} */ (response.body)) };
}

/** Why the main job could not run now; nothing when it can. @returns {Promise<{part: string, reason: string, remedy: string}[]>} */
export async function notReadyBecause() {
  try {
    return (await get("/readyz", {}, { quiet: true })).reasons;
  } catch (error) {
    if (error instanceof ApiError && error.status === 503 && error.body.reasons) return error.body.reasons;
    throw error;
  }
}

/**
 * The start of a stored file as text.
 * @param {string} id @param {number} limit in bytes
 */
export async function artifactText(id, limit) {
  const response = await send("GET", `/v1/artifacts/${id}/content`, {
    headers: { Range: `bytes=0-${limit - 1}`, Accept: "*/*" },
  });
  return arrived(response.text());
}

/** @param {string} id @returns {Promise<Blob>} */
export async function artifactBlob(id) {
  const response = await send("GET", `/v1/artifacts/${id}/content`, { headers: { Accept: "*/*" } });
  return arrived(response.blob());
}

/** @param {string} id */
export const artifactAddress = (id) => `/v1/artifacts/${id}/content`;

/**
 * Sends form data with progress, which fetch cannot tell.
 * @param {string} path @param {FormData} form
 * @param {(part: number) => void} [onProgress] 0 to 1
 * @returns {Promise<any>}
 */
function upload(path, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrfToken);
    request.setRequestHeader("Idempotency-Key", randomKey());
    request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, UNREACHABLE));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(JSON.parse(request.responseText));
      if (request.status === 401) onUnauthenticated?.();
      reject(errorFrom(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.send(form);
  });
}

/**
 * @param {object} task the fields of POST /v1/tasks
 * @param {File[]} [files] become its attachments
 * @param {(part: number) => void} [onProgress]
 * @returns {Promise<Task>}
 */
export async function createTask(task, files = [], onProgress) {
  if (!files.length) return decoded(await send("POST", "/v1/tasks", { body: task, isNew: true }));
  const form = new FormData();
  form.append("task", new Blob([JSON.stringify(task)], { type: "application/json" }));
  for (const file of files) form.append("file", file, file.name);
  return upload("/v1/tasks", form, onProgress);
}

/** Which file it is about stands in what is thrown: there may be several on their way. @param {File} file @param {(part: number) => void} [onProgress] @returns {Promise<Artifact>} */
export async function uploadArtifact(file, onProgress) {
  const form = new FormData();
  form.append("file", file, file.name);
  try {
    return await upload("/v1/artifacts", form, onProgress);
  } catch (error) {
    if (error instanceof ApiError) error.message = `${file.name} was not uploaded: ${error.message}`;
    throw error;
  }
}

/** @returns {Promise<any>} the served OpenAPI document */
export const openApi = () => get("/openapi.json");

/**
 * Calls any operation as the API reference's user asks; every answer is a result, errors too.
 * @param {string} method @param {string} address
 * @param {{json: string | null, file: File | null}} content
 */
export async function tryOut(method, address, { json, file }) {
  const headers = new Headers(method === "GET" ? {} : { "X-CSRF-Token": csrfToken });
  /** @type {BodyInit | undefined} */
  let body;
  if (json !== null) {
    headers.set("Content-Type", "application/json");
    body = json;
  } else if (file) {
    body = new FormData();
    body.append("file", file, file.name);
  }
  const begun = performance.now();
  const stop = new AbortController();
  // A live stream never ends: what has come within this time is shown.
  const timer = setTimeout(() => stop.abort(), TRY_OUT_MS);
  try {
    const response = await fetch(address, { method, headers, body, credentials: "same-origin", cache: "no-store", signal: stop.signal });
    const text = await readUntil(response, stop.signal);
    const type = response.headers.get("Content-Type") ?? "";
    return { status: response.status, statusText: response.statusText, text, type, milliseconds: Math.round(performance.now() - begun) };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, UNREACHABLE);
  } finally {
    clearTimeout(timer);
  }
}

/** The answer's text, as far as it came before the signal. @param {Response} response @param {AbortSignal} signal */
async function readUntil(response, signal) {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (const reader = response.body.getReader(); text.length < TRY_OUT_CHARS; ) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return text;
}
