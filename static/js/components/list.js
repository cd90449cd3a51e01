/** Lists: a table of named columns in whichever state it is, its pages, its rows walked by key. */
import { html, cx } from "../html.js";
import { place, withQuery } from "../router.js";
import { useShortcuts } from "../keys.js";
import { ends, nextOrder, order } from "../sort.js";
import { Ago } from "./clock.js";
import { Icon } from "./icon.js";
import { Menu } from "./menu.js";
import { Rows, RowsEnd, ToFirst } from "./rows.js";
import { Empty, Loaded } from "./states.js";
/** @import { Endless } from "../endless.js" */

/** @typedef {{head: string, cell: (row: any) => any, class?: string, sort?: string}} Column `sort`: what the API calls the order by it */
/** @typedef {{label: string, icon?: string, danger?: boolean, run: () => void}} Item */

/** The first and further pages of a list kept in the address. @param {{next: string | null}} props */
export const Pager = ({ next }) => html`<div class="pager">
  <${ToFirst} />
  ${next && html`<a class="btn btn-sm" href=${withQuery({ cursor: next })}>${ends()[1]}<${Icon} icon="chevron-right" /></a>`}
</div>`;

let rolls = false;
/** What is to be on the screen when the page has rolled to its stop. @type {HTMLElement | null} */
let kept = null;
window.addEventListener("scroll", () => (rolls = true), { passive: true, capture: true });
window.addEventListener("scrollend", () => {
  if (kept === document.activeElement) kept?.scrollIntoView({ block: "nearest" });
  rolls = false;
  kept = null;
}, { capture: true });
// Whoever moves on wants to be there instead.
for (const moved of ["keydown", "wheel", "pointerdown"]) window.addEventListener(moved, () => (kept = null), { passive: true, capture: true });

/** Moves the focus along the rows, from wherever it is in one. @param {number} step */
export function moveRow(step) {
  const rows = [...document.querySelectorAll(".list tbody tr:has(a, button)")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  /** @type {HTMLElement | null | undefined} */
  const wanted = row?.querySelector(".row-link") ?? row?.querySelector("a, button");
  wanted?.focus();
  // A page that rolls to a stop after a key rolls on by what is left, and takes the row off the screen.
  if (rolls) kept = wanted ?? null;
}

/** The keys of a page with a list. */
export const useRowKeys = () =>
  useShortcuts([
    { keys: "j", label: "Next row", run: () => moveRow(1) },
    { keys: "k", label: "Previous row", run: () => moveRow(-1) },
  ]);

/** What can be done with a row; nothing where nothing may be. @param {string} name of the row @param {(Item | false)[]} items @returns {any} */
export function rowMenu(name, items) {
  const shown = /** @type {Item[]} */ (items.filter(Boolean));
  return shown.length > 0 && html`<${Menu} label=${`Actions for ${name}`} items=${shown} />`;
}

/** @type {(menu: (row: any) => any) => Column} the column of the menus */
export const menuColumn = (menu) => ({ head: "", class: "cell-actions", cell: menu });

/** When a row was made; the list can be sorted by that. @type {Column} */
export const CREATED = { head: "Created", sort: "created_at", class: "col-time col-wide", cell: (row) => html`<${Ago} at=${row.created_at} />` };

/** A head that sorts the whole list, in the address. @param {{by: string, label: string, class?: string}} props `by`: what the API calls it */
export function SortHead({ by, label, class: name }) {
  const sort = order();
  const direction = sort === by ? "ascending" : sort === `-${by}` ? "descending" : "none";
  return html`<th scope="col" class=${name} aria-sort=${direction}><a class="sort" href=${withQuery({ sort: nextOrder(by), cursor: null })} title="Sort">${label}
    ${direction === "ascending" && html`<${Icon} icon="chevron-up" />`}${direction === "descending" && html`<${Icon} icon="chevron-down" />`}</a></th>`;
}

/** How much a search found, for whoever doesn't see it. @param {{of: {data: {items: any[], next_cursor?: string | null} | null}}} props */
export const FoundCount = ({ of: { data } }) => html`<p class="visually-hidden" role="status">${place.value.query.get("q") && data && `${data.next_cursor ? "More than " : ""}${data.items.length} found`}</p>`;

/** @param {{columns: Column[], row: any}} props */
const Cells = ({ columns, row }) => html`${columns.map(({ head, cell, class: name }) => html`<td class=${name} data-label=${head}>${cell(row)}</td>`)}`;

/**
 * On a narrow screen each row is a block, each cell with its head.
 * @param {{columns: Column[], rows: any[], label: string, keyOf?: (row: any) => string, of?: Endless}} props `of`: where further rows come from
 */
export const Table = ({ columns, rows, label, keyOf = (row) => row.id, of }) => html`<table class="table list is-stacked" aria-label=${label} aria-rowcount=${of?.data?.next_cursor ? -1 : rows.length + 1}>
  <thead><tr aria-rowindex="1">${columns.map(({ head, class: name, sort }) => (sort ? html`<${SortHead} by=${sort} label=${head} class=${name} />` : html`<th scope="col" class=${name}>${head || html`<span class="visually-hidden">Actions</span>`}</th>`))}</tr></thead>
  <${Rows} of=${of} columns=${columns.length} rows=${rows} keyOf=${keyOf} row=${(/** @type {any} */ row, /** @type {Record<string, any>} */ attributes) => html`<tr ...${attributes}><${Cells} columns=${columns} row=${row} /></tr>`} />
</table>`;

/**
 * @param {{of: import("../resource.js").Resource<{items: any[], next_cursor?: string | null}> | Endless, what: string, columns: Column[], empty: any, keyOf?: (row: any) => string, class?: string}} props
 *   `empty`: shown where there is nothing at all; `what` names the list: "the groups"
 */
export function List({ of, what, columns, empty, keyOf, class: name }) {
  useRowKeys();
  return html`<div class=${cx("card list-card", name)}><${FoundCount} of=${of} />
    <${Loaded} of=${of} what=${what} rows=${6}>
      ${(/** @type {{items: any[], next_cursor?: string | null}} */ page) =>
        page.items.length
          ? html`<${Table} columns=${columns} rows=${page.items} keyOf=${keyOf} label=${what.replace(/^the |^your /, "")} of=${"more" in of ? of : undefined} />${"more" in of ? html`<${RowsEnd} of=${of} />` : html`<${Pager} next=${page.next_cursor ?? null} />`}`
          : place.value.query.toString()
            ? html`<${Empty} title="Nothing matches">Change the filter, or <a href=${place.value.path}>show all</a>.<//>`
            : empty}
    <//>
  </div>`;
}
