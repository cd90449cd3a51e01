/** Five weeks of planned times, in the reader's zone. */
import { html, cx } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { about, useResource } from "../../resource.js";
import { Icon } from "../../components/icon.js";
import { MY_ZONE } from "../../components/planned.js";
import { Loaded } from "../../components/states.js";
/** @import { Planned, Schedule } from "../../types.js" */

const DAY_MS = 86_400_000;
const WEEKS = 5;
const MOST_SCHEDULES = 50;
const EACH = 300;
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

const key = (/** @type {Date} */ date) => `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;

/** @param {Date} end @returns {Promise<{schedule: Schedule, items: Planned[]}[]>} */
async function readPlanned(end) {
  const page = await api.get("/v1/schedules", { enabled: true, limit: MOST_SCHEDULES });
  const due = page.items.filter((/** @type {Schedule} */ one) => one.next_planned_at);
  return Promise.all(due.map(async (/** @type {Schedule} */ schedule) => ({ schedule, items: (await api.get(`/v1/schedules/${schedule.id}/upcoming`, { count: EACH, before: end.toISOString() })).items })));
}

/** Whether it runs so often that the times known of it end before the last day. @param {{items: Planned[]}} planned */
const isFrequent = ({ items }) => items.length === EACH;

/** What happens on each day: a schedule once, with its times; the earliest first. @param {{schedule: Schedule, items: Planned[]}[]} planned */
function byDay(planned) {
  /** @type {Map<string, {schedule: Schedule, times: string[], skipped: number}[]>} */
  const days = new Map();
  for (const { schedule, items } of planned) {
    for (const item of items) {
      const at = key(new Date(item.utc));
      const day = days.get(at) ?? days.set(at, []).get(at) ?? [];
      const entry = day.find((one) => one.schedule.id === schedule.id);
      if (!entry) day.push({ schedule, times: [item.utc], skipped: Number(item.skipped) });
      else (entry.times.push(item.utc), (entry.skipped += Number(item.skipped)));
    }
  }
  for (const day of days.values()) day.sort((one, other) => one.times[0].localeCompare(other.times[0]));
  return days;
}

/** @param {{date: Date, entries: {schedule: Schedule, times: string[], skipped: number}[]}} props */
function Day({ date, entries }) {
  const today = key(date) === key(new Date());
  return html`<li class=${cx("day", today && "is-today", date < new Date(Date.now() - DAY_MS) && "is-past")}>
    <p class="day-head"><span class="quiet">${dayName.format(date)}</span> ${dayDate.format(date)}</p>
    <ul>${entries.slice(0, A_DAY).map(({ schedule, times, skipped }) => html`<li key=${schedule.id} class=${skipped === times.length ? "is-skipped" : null}><a href=${`/schedules/${schedule.id}`} title=${times.map((one) => time.format(new Date(one))).slice(0, 24).join(", ")}><span class="quiet tabular">${time.format(new Date(times[0]))}${times.length > 1 ? ` ×${times.length}` : ""}</span> ${schedule.name}</a>${skipped > 0 && html` <span class="tag">${skipped < times.length && `${skipped} `}skipped</span>`}</li>`)}
      ${entries.length > A_DAY && html`<li class="quiet">and ${entries.length - A_DAY} more</li>`}</ul>
  </li>`;
}

export function ScheduleCalendar() {
  const week = Number(place.value.query.get("week") ?? 0) || 0;
  const first = monday(new Date(Date.now() + week * 7 * DAY_MS));
  const days = Array.from({ length: WEEKS * 7 }, (_, i) => new Date(first.getFullYear(), first.getMonth(), first.getDate() + i));
  const end = new Date(first.getFullYear(), first.getMonth(), first.getDate() + days.length);
  const read = useResource(`planned ${end.getTime()}`, () => readPlanned(end), about("schedule.created", "schedule.updated", "schedule.deleted", "schedule.enabled", "schedule.disabled"), 1000);
  return html`<div class="filters"><a class="btn btn-sm" href=${withQuery({ week: String(week - WEEKS) })}><${Icon} icon="chevrons-left" />Earlier</a>
      <a class="btn btn-sm" href=${withQuery({ week: null })}>Today</a>
      <a class="btn btn-sm" href=${withQuery({ week: String(week + WEEKS) })}>Later<${Icon} icon="chevron-right" /></a>
      <span class="quiet">Times of ${MY_ZONE}. For other calendars: <code>GET /v1/schedules.ics</code></span></div>
    <${Loaded} of=${read} what="the calendar" rows=${8}>
      ${(/** @type {{schedule: Schedule, items: Planned[]}[]} */ planned) => {
        const frequent = planned.filter((one) => isFrequent(one));
        const entries = byDay(planned.filter((one) => !isFrequent(one)));
        return html`${frequent.length > 0 && html`<ul class="frequent card" aria-label="Too often for the days">${frequent.map(({ schedule }) => html`<li key=${schedule.id}><a href=${`/schedules/${schedule.id}`}>${schedule.name}</a> <span class="quiet">${schedule.description}</span></li>`)}</ul>`}<ol class="calendar card" aria-label="Planned runs by day">${days.map((date) => html`<${Day} key=${key(date)} date=${date} entries=${entries.get(key(date)) ?? []} />`)}</ol>`;
      }}
    <//>`;
}
