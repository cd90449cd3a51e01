/** The four ways a list or page has nothing to show, which look different: loading, empty, failed, not allowed. */
import { html } from "../html.js";
import { place } from "../router.js";
import { Icon } from "./icon.js";
/** @import { ApiError } from "../api.js" */

/** @param {{what?: string, rows?: number}} props */
export const Loading = ({ what = "", rows = 3 }) => html`<div class="loading" role="status">
  <span class="visually-hidden">Loading ${what}</span>
  ${Array.from({ length: rows }, () => html`<span class="loading-row" aria-hidden="true"></span>`)}
</div>`;

/** @param {{title: string, children?: any}} props */
export const Empty = ({ title, children }) => html`<div class="state"><p class="state-title">${title}</p>${children && html`<div class="state-text">${children}</div>`}</div>`;

/** @param {{error: ApiError, retry?: () => void, what?: string, isPage?: boolean}} props `isPage`: there is no other heading */
export function Failed({ error, retry, what = "this", isPage }) {
  const Title = isPage ? "h1" : "p";
  if (error.status === 403) {
    return html`<div class="state is-denied" role="alert"><${Icon} icon="lock" /><${Title} class="state-title">You may not see ${what}<//><p class="state-text">${error.message}</p></div>`;
  }
  if (error.status === 404) {
    return html`<div class="state"><${Icon} icon="zoom-question" /><${Title} class="state-title">Not there<//><p class="state-text">It was deleted, or the address is wrong.</p>
      ${isPage && html`<a class="btn btn-sm" href=${place.value.path.replace(/\/[^/]*$/, "") || "/"}>See what is there</a>`}</div>`;
  }
  if (error.status === 410) {
    return html`<div class="state"><${Icon} icon="hourglass" /><${Title} class="state-title">Purged<//><p class="state-text">${error.message}</p></div>`;
  }
  return html`<div class="state is-failed" role="alert">
    <${Icon} icon="plug-connected-x" />
    <${Title} class="state-title">${what === "this" ? "It" : `${what[0].toUpperCase()}${what.slice(1)}`} could not be loaded<//>
    <p class="state-text">${error.message}${error.requestId && html` <span class="quiet">Request ${error.requestId}</span>`}</p>
    ${retry && html`<button type="button" class="btn btn-sm" onClick=${retry}>Try again</button>`}
  </div>`;
}

/**
 * Shows a resource in whichever state it is.
 * @param {{of: import("../resource.js").Resource<any>, what: string, rows?: number, isPage?: boolean, children: (data: any) => any}} props
 */
export function Loaded({ of, what, rows, isPage, children }) {
  if (of.data !== null) {
    return html`${of.error && html`<p class="stale" role="status">Shown as it was: ${of.error.message} <button type="button" class="link" onClick=${of.reload}>Try again</button></p>`}${children(of.data)}`;
  }
  if (of.error) return html`<${Failed} error=${of.error} retry=${of.reload} what=${what} isPage=${isPage} />`;
  return html`<${Loading} what=${what} rows=${rows} />`;
}
