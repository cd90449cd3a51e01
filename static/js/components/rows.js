/** Rows of a table of any length: only those near the screen are there, the others are room; on paper all are. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { grouped } from "../format.js";
import { place, withQuery } from "../router.js";
import { ends } from "../sort.js";
import { Icon } from "./icon.js";
/** @import { Endless } from "../endless.js" */

const ALL_UP_TO = 60;
const AROUND = 20;
const STEP = 10;
const ASSUMED_PX = 41;
const SCREENS_AHEAD = 2;

/**
 * Which rows are there: those near the screen, and the one that has the focus with its neighbours, where Tab leads.
 * @param {number} from @param {number} to @param {number} at the row with the focus, or -1 @param {number} count @returns {[number, number][]}
 */
function parts(from, to, at, count) {
  if (at < 0) return [[from, to]];
  const [first, last] = [Math.max(0, at - 1), Math.min(count, at + 2)];
  if (last < from) return [[first, last], [from, to]];
  if (first > to) return [[from, to], [first, last]];
  return [[Math.min(first, from), Math.max(last, to)]];
}

/**
 * @param {{rows: any[], of?: Endless, columns: number, keyOf?: (row: any) => string, row: (row: any, attributes: Record<string, any>) => any}} props
 *   `of`: where further rows come from; `row` makes a <tr> with the attributes
 */
export function Rows({ rows, of, columns, keyOf = (one) => one.id, row }) {
  const body = useRef(/** @type {HTMLTableSectionElement | null} */ (null));
  const height = useRef(ASSUMED_PX);
  const [view, setView] = useState({ from: 0, to: ALL_UP_TO });
  const latest = useRef(of);
  latest.current = of;

  useLayoutEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      if (!body.current) return;
      const there = [...body.current.querySelectorAll("tr[data-row]")];
      if (there.length) height.current = there.reduce((sum, one) => sum + one.getBoundingClientRect().height, 0) / there.length || ASSUMED_PX;
      const top = body.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(-top / height.current));
      const last = Math.max(0, Math.ceil((innerHeight - top) / height.current));
      latest.current?.look(Math.min(first, rows.length - 1), Math.min(last, rows.length));
      if (latest.current?.data?.next_cursor && !latest.current.moreFailed && last + SCREENS_AHEAD * (last - first) >= rows.length) latest.current.more();
      const from = Math.max(0, Math.floor((first - AROUND) / STEP) * STEP);
      const to = Math.ceil((last + AROUND) / STEP) * STEP;
      setView((old) => (old.from === from && old.to === to ? old : { from, to }));
    };
    const later = () => (frame ||= requestAnimationFrame(measure));
    measure();
    // Also what scrolls inside the page: a dialog.
    window.addEventListener("scroll", later, { passive: true, capture: true });
    window.addEventListener("resize", later);
    // On paper nobody scrolls.
    const all = () => setView({ from: 0, to: rows.length });
    window.addEventListener("beforeprint", all);
    window.addEventListener("afterprint", measure);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("scroll", later, { capture: true });
      window.removeEventListener("resize", later);
      window.removeEventListener("beforeprint", all);
      window.removeEventListener("afterprint", measure);
    };
  }, [rows.length]);

  const isWhole = rows.length <= ALL_UP_TO;
  const [from, to] = isWhole ? [0, rows.length] : [Math.min(view.from, Math.max(0, rows.length - AROUND)), Math.min(view.to, rows.length)];
  const focused = /** @type {HTMLElement | null | undefined} */ (body.current?.querySelector("tr[data-row]:focus-within"))?.dataset.row;
  const at = focused === undefined ? -1 : rows.findIndex((one) => keyOf(one) === focused);
  const room = (/** @type {string} */ key, /** @type {number} */ count) => count > 0 && html`<tr key=${`room ${key}`} class="rows-room" aria-hidden="true"><td colspan=${columns} style=${{ height: `${count * height.current}px` }}></td></tr>`;
  // One list, in which a row keeps its element whatever comes and goes around it: moved, it would lose the focus.
  /** @type {any[]} */
  const shown = [];
  let end = 0;
  for (const [first, last] of parts(from, to, at, rows.length)) {
    shown.push(room(end ? "between" : "above", first - end), ...rows.slice(first, last).map((one, n) => row(one, { key: keyOf(one), "data-row": keyOf(one), "aria-rowindex": first + n + 2 })));
    end = last;
  }
  return html`<tbody ref=${body}>${[...shown, room("below", rows.length - end)]}</tbody>`;
}

/** The way back to a list's beginning, where the address is further on. */
export const ToFirst = () => place.value.query.get("cursor") && html`<a class="btn btn-sm" href=${withQuery({ cursor: null })}><${Icon} icon="chevrons-left" />${ends()[0]}</a>`;

/** What is below the rows: reading on, a failure, or how many there are. @param {{of: Endless}} props */
export const RowsEnd = ({ of }) => html`<div class="pager rows-end" role="status">
  ${of.inAddress && html`<${ToFirst} />`}
  ${of.moreFailed ? html`<span>More could not be read: ${of.moreFailed.message}</span><button type="button" class="btn btn-sm" onClick=${of.more}>Try again</button>` : of.data?.next_cursor ? html`<span class="quiet">Reading on…</span>` : (of.data?.items.length ?? 0) > ALL_UP_TO && html`<span class="quiet">${of.isWhole ? `These are all ${grouped(of.data?.items.length ?? 0)}.` : "The list ends here."}</span>`}
</div>`;

/** What is further on of a list that is no table, by a button. @param {{of: Endless, count: number}} props how many there are by now */
export const ReadOn = ({ of, count }) =>
  of.data?.next_cursor && html`<div class="section-foot"><button type="button" class="btn btn-sm" onClick=${() => (of.look(0, count + 1), of.more())}>Read on</button>${of.moreFailed && html` <span role="status">More could not be read: ${of.moreFailed.message}</span>`}</div>`;
