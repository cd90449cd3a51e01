/** Who is signed in: the session cookie's user, what they may do, signing in and out. */
import { signal } from "@preact/signals";
import * as api from "./api.js";
import { ask } from "./desktop.js";
import { isUnsent } from "./unsent.js";
/** @import { Session } from "./types.js" */

/** @type {import("@preact/signals").Signal<Session | null>} */
export const session = signal(null);

/** Whether the sign-in has ended while something is written and not sent. */
export const isShutOut = signal(false);

let leaving = false;

/**
 * Whether the signed-in user may do it; what they may not do is not shown.
 * @param {string} action dotted, such as `tasks.create`
 */
export function can(action) {
  const globs = session.value?.actions;
  if (!globs) return Boolean(session.value);
  return globs.some((glob) => {
    const pattern = glob.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
    return new RegExp(`^${pattern}$`).test(action);
  });
}

/** @param {Session} value */
function keep(value) {
  const before = session.peek()?.user;
  if (before && before.id !== value.user.id) return leave("/"); // what is on the page is another user's
  session.value = { ...session.peek(), ...value };
  api.useCsrfToken(value.csrf_token ?? "");
  isShutOut.value = leaving = false;
}

/** Asks who is signed in. Null when nobody is. @returns {Promise<Session | null>} */
export async function loadSession() {
  try {
    keep(await api.get("/v1/auth/session", {}, { quiet: true }));
    return session.value;
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return null;
    throw error;
  }
}

/** @param {{handle: string, password: string} | {code: string}} credentials */
export async function signIn(credentials) {
  keep(await api.post("/v1/auth/session", credentials, { quiet: true }));
  return loadSession();
}

/** Goes away once: what still fails on the way out leads nowhere else. @param {string} address */
function leave(address) {
  if (leaving) return;
  leaving = true;
  location.assign(address);
}

export async function signOut() {
  await api.remove("/v1/auth/session");
  session.value = null;
  leave("/login");
}

/** In the native window: signs in by itself. @returns {Promise<Session | null>} */
export async function signInNatively() {
  const code = await ask("sign_in_code");
  if (!code) return null;
  try {
    return await signIn({ code });
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return null;
    throw error;
  }
}

/**
 * The path to go to after signing in: only one of this console's own.
 * @param {string | null} next
 */
export function safeNext(next) {
  if (!next || !next.startsWith("/")) return "/";
  const url = new URL(next, location.origin);
  return url.origin === location.origin && url.pathname !== "/login" ? url.pathname + url.search + url.hash : "/";
}

export const toLogin = () => leave(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);

/** Has somebody sign in whose sign-in has ended: in another page, unless that would lose what is written in this one. */
export async function shutOut() {
  if (location.pathname === "/login") return;
  if (!session.value || !isUnsent()) toLogin();
  else if (!(await signInNatively())) isShutOut.value = true;
}
