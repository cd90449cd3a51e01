/** How sessions and API tokens are shown, one's own and another user's. */
import { html } from "../html.js";
import { Ago } from "./clock.js";
/** @import { LoginSession, Token } from "../types.js" */

/** @type {Record<string, string>} */
const KINDS = { console: "Console", login: "Program" };

/** Those that name others first: nearly all say Chrome or Safari as well. */
const BROWSERS = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Version", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iOS"], ["iPad", "iOS"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["Linux", "Linux"]];

/** What a browser is called, of what it says of itself; a program as it is. @param {string | null} said */
function callerOf(said) {
  const browser = BROWSERS.find(([token]) => said?.includes(`${token}/`));
  if (!said?.startsWith("Mozilla/") || !browser) return said;
  const version = new RegExp(`${browser[0]}/(\\d+)`).exec(said)?.[1] ?? "";
  const system = SYSTEMS.find(([token]) => said.includes(token))?.[1];
  return `${browser[1]} ${version}${system ? ` on ${system}` : ""}`;
}

export const SESSION_COLUMNS = [
  { head: "Session", class: "cell-top", cell: (/** @type {LoginSession} */ one) => html`${KINDS[one.kind] ?? one.kind}${one.current && html` <span class="tag is-on">this one</span>`}<div class="quiet cell-text" title=${one.user_agent ?? ""}>${callerOf(one.user_agent)}</div>` },
  { head: "From", cell: (/** @type {LoginSession} */ one) => html`<code>${one.address ?? "–"}</code>` },
  { head: "Signed in", cell: (/** @type {LoginSession} */ one) => html`<${Ago} at=${one.created_at} />` },
  { head: "Last used", cell: (/** @type {LoginSession} */ one) => html`<${Ago} at=${one.last_used_at} />` },
  { head: "Ends", class: "col-wide", cell: (/** @type {LoginSession} */ one) => html`<${Ago} at=${one.expires_at} />` },
];

export const TOKEN_COLUMNS = [
  { head: "Token", class: "cell-name", cell: (/** @type {Token} */ token) => html`<b>${token.name}</b> <code class="quiet">${token.prefix}…</code>` },
  { head: "Scopes", class: "cell-wrap", cell: (/** @type {Token} */ token) => (token.scopes?.length ? token.scopes.map((scope) => html`<code class="tag">${scope}</code>`) : html`<span class="quiet">all</span>`) },
  { head: "Last used", cell: (/** @type {Token} */ token) => (token.last_used_at ? html`<${Ago} at=${token.last_used_at} />` : html`<span class="quiet">never</span>`) },
  { head: "Expires", cell: (/** @type {Token} */ token) => (token.expires_at ? html`<${Ago} at=${token.expires_at} />` : html`<span class="quiet">never</span>`) },
];
