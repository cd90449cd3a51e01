/** Five weeks of planned times, in the reader's zone: what came of those that were, and those to come. */
import { useState } from "preact/hooks";
import { html, cx } from "../../html.js";
import { grouped } from "../../format.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { about, useResource } from "../../resource.js";
import { Icon } from "../../components/icon.js";
import { WORDS } from "../../components/outcomes.js";
import { MY_ZONE } from "./planned.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { Frequent, PastDay, PastState, PlannedDay } from "../../types.js" */
/** @typedef {{items: PastDay[], planned: PlannedDay[], frequent: Frequent[], left_out: Record<string, number>, whole: boolean}} Days */

const DAY_MS = 86_400_000;
const WEEKS = 5;
const A_DAY = 6;

const dayName = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const dayDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The Monday of a date's week, at midnight. @param {Date} date */
function monday(date) {
  const day = new Date(date.getFullYear(), date.getMonth(), date.getDate());
  day.setDate(day.getDate() - ((day.getDay() + 6) % 7));
  return day;
}

/** What the API is asked for: the days from one date up to another. @param {Date} after @param {Date} before @param {Record<string, number>} [more] @returns {Promise<Days>} */
const daysOf = (after, before, more) => api.get("/v1/schedules/days", { after: after.toISOString(), before: before.toISOString(), time_zone: MY_ZONE, ...more });

const key = (/** @type {Date} */ date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");

/** What stands on each day. @template {{day: string}} T @param {T[]} all @returns {Map<string, T[]>} */
function byDay(all) {
  /** @type {Map<string, T[]>} */
  const days = new Map();
  for (const one of all) (days.get(one.day) ?? days.set(one.day, []).get(one.day))?.push(one);
  return days;
}

const count = (/** @type {PastDay} */ { outcomes }) => Object.values(outcomes).reduce((sum, one) => sum + one, 0);

const WORST_FIRST = /** @type {const} */ (["failed", "missed", "canceled", "skipped", "running", "completed"]);

/** What came of a schedule's times of one day, the worst in front; what went well is said in colour and to screen readers alone. @param {{one: PastDay}} props */
function Past({ one }) {
  const there = WORST_FIRST.filter((state) => one.outcomes[state]);
  const words = (/** @type {PastState} */ state) => (count(one) > 1 ? `${one.outcomes[state]} ${WORDS[state]}` : WORDS[state]);
  const all = there.map(words).join(", ");
  const amiss = there.filter((state) => state !== "completed" && state !== "running");
  return html`<li><a href=${`/schedules/${one.schedule_id}`} title=${`${time.format(new Date(one.first_at))}–${time.format(new Date(one.last_at))}: ${all}`}><span class=${`day-mark is-${there[0]}`} aria-hidden="true"></span><span class="quiet tabular">${time.format(new Date(one.first_at))}${count(one) > 1 ? ` ×${count(one)}` : ""}</span> ${one.name}</a>
    ${amiss.length ? html`<span class="day-outcome">${amiss.map(words).join(", ")}</span>` : html`<span class="visually-hidden">${all}</span>`}</li>`;
}

/** What a schedule is to do on a day. @param {{one: PlannedDay}} props */
const Coming = ({ one: { schedule_id: id, name, first_at: first, last_at: last, times, skipped } }) => html`<li class=${skipped === times ? "is-skipped" : null}><a href=${`/schedules/${id}`} title=${`${time.format(new Date(first))}${times > 1 ? `–${time.format(new Date(last))}` : ""}: ${name}`}><span class="quiet tabular">${time.format(new Date(first))}${times > 1 ? ` ×${times}` : ""}</span> ${name}</a>${skipped > 0 && html` <span class="tag">${skipped < times && `${skipped} `}skipped</span>`}</li>`;

/** @param {{date: Date, past: PastDay[], planned: PlannedDay[], leftOut: number}} props */
function Day({ date, past, planned, leftOut }) {
  const today = key(date) === key(new Date());
  const left = Math.max(0, past.length + planned.length - A_DAY) + leftOut;
  const [isOpen, setOpen] = useState(false);
  const next = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1);
  const whole = useResource(`${key(date)} ${isOpen}`, async () => (isOpen ? daysOf(date, next) : null), about("schedule."), 1000);
  const shown = whole.data ?? { items: past.slice(0, A_DAY), planned: planned.slice(0, Math.max(0, A_DAY - past.length)) };
  return html`<li class=${cx("day", today && "is-today", date < new Date(Date.now() - DAY_MS) && "is-past")}>
    <p class="day-head"><span class="quiet">${dayName.format(date)}</span> ${dayDate.format(date)}</p>
    <ul>${shown.items.map((one) => html`<${Past} key=${`past ${one.schedule_id}`} one=${one} />`)}${shown.planned.map((one) => html`<${Coming} key=${one.schedule_id} one=${one} />`)}
      ${left > 0 && html`<li key="more"><button type="button" class="link" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${isOpen ? "fewer" : `and ${grouped(left)} more`}</button></li>`}</ul>
    ${whole.error && html`<p class="stale" role="status">${whole.error.message}</p>`}
  </li>`;
}

export function ScheduleCalendar() {
  const week = Number(place.value.query.get("week") ?? 0) || 0;
  const first = monday(new Date(Date.now() + week * 7 * DAY_MS));
  const days = Array.from({ length: WEEKS * 7 }, (_, i) => new Date(first.getFullYear(), first.getMonth(), first.getDate() + i));
  const end = new Date(first.getFullYear(), first.getMonth(), first.getDate() + days.length);
  const read = useResource(`days ${first.toISOString()}`, () => daysOf(first, end, { each: A_DAY }), about("schedule."), 1000);
  return html`<div class="filters"><a class="btn btn-sm" href=${withQuery({ week: String(week - WEEKS) })}><${Icon} icon="chevron-left" />Earlier</a>
      <a class="btn btn-sm" href=${withQuery({ week: null })}>Today</a>
      <a class="btn btn-sm" href=${withQuery({ week: String(week + WEEKS) })}>Later<${Icon} icon="chevron-right" /></a>
      <span class="quiet">Times of ${MY_ZONE}. For other calendars: <code>GET /v1/schedules.ics</code></span></div>
    <${Loaded} of=${read} what="the calendar" rows=${8}>
      ${(/** @type {Days} */ { items, planned, frequent, left_out: leftOut, whole }) => {
        const [were, come] = [byDay(items), byDay(planned)];
        return html`${!whole && html`<p class="stale">There is more in these weeks than can be shown.</p>`}${frequent.length > 0 && html`<ul class="frequent card" aria-label="Too often for the days">${frequent.map(({ schedule_id: id, name, description }) => html`<li key=${id}><a href=${`/schedules/${id}`}>${name}</a> <span class="quiet">${description}</span></li>`)}</ul>`}<ol class="calendar card" aria-label="Planned runs by day">${days.map((date) => html`<${Day} key=${key(date)} date=${date} past=${were.get(key(date)) ?? []} planned=${come.get(key(date)) ?? []} leftOut=${leftOut[key(date)] ?? 0} />`)}</ol>
          ${!items.length && !planned.length && !frequent.length && html`<${Empty} title="Nothing in these weeks">What a <a href="/schedules">schedule</a> is to do stands on its day here, and afterwards what came of it.<//>`}`;
      }}
    <//>`;
}
