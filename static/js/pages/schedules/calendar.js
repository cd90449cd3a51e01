/** Five weeks of planned times, in the reader's zone: what came of those that were, and those to come. */
import { html, cx } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { about, useResource } from "../../resource.js";
import { Icon } from "../../components/icon.js";
import { WORDS } from "../../components/outcomes.js";
import { MY_ZONE } from "../../components/planned.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { PastDay, PastState, Planned, Schedule } from "../../types.js" */

const DAY_MS = 86_400_000;
const WEEKS = 5;
const MOST_SCHEDULES = 200;
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

/** @typedef {{past: PastDay[], planned: {schedule: Schedule, items: Planned[]}[], cut: string}} Weeks `cut`: what is left out, in words */

/** What is to come until then, and whether there are more schedules than are asked about. @param {Date} end @returns {Promise<Pick<Weeks, "planned" | "cut">>} */
async function readPlanned(end) {
  const page = await api.get("/v1/schedules", { enabled: true, limit: MOST_SCHEDULES });
  const due = page.items.filter((/** @type {Schedule} */ one) => one.next_planned_at && new Date(one.next_planned_at) < end);
  const planned = await Promise.all(due.map(async (/** @type {Schedule} */ schedule) => ({ schedule, items: (await api.get(`/v1/schedules/${schedule.id}/upcoming`, { count: EACH, before: end.toISOString() })).items })));
  return { planned, cut: page.next_cursor ? `What comes is shown of the ${MOST_SCHEDULES} newest schedules.` : "" };
}

/** @param {Date} from @param {Date} end @returns {Promise<Weeks>} */
async function readWeeks(from, end) {
  const now = new Date();
  const [past, coming] = await Promise.all([
    from < now ? api.get("/v1/schedules/days", { after: from.toISOString(), before: (end < now ? end : now).toISOString(), time_zone: MY_ZONE }) : { items: [], whole: true },
    end > now ? readPlanned(end) : { planned: [], cut: "" },
  ]);
  return { past: past.items, planned: coming.planned, cut: past.whole ? coming.cut : `Of what was, the first days are shown. ${coming.cut}` };
}

/** Whether it runs so often that the times known of it end before the last day. @param {{items: Planned[]}} planned */
const isFrequent = ({ items }) => items.length === EACH;

/** @param {PastDay[]} past @returns {Map<string, PastDay[]>} */
function pastByDay(past) {
  /** @type {Map<string, PastDay[]>} */
  const days = new Map();
  for (const one of past) {
    const at = key(new Date(one.first_at));
    (days.get(at) ?? days.set(at, []).get(at))?.push(one);
  }
  return days;
}

const count = (/** @type {PastDay} */ { outcomes }) => Object.values(outcomes).reduce((sum, one) => sum + one, 0);

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

/** @param {{date: Date, past: PastDay[], entries: {schedule: Schedule, times: string[], skipped: number}[]}} props */
function Day({ date, past, entries }) {
  const today = key(date) === key(new Date());
  const left = past.length + entries.length - A_DAY;
  return html`<li class=${cx("day", today && "is-today", date < new Date(Date.now() - DAY_MS) && "is-past")}>
    <p class="day-head"><span class="quiet">${dayName.format(date)}</span> ${dayDate.format(date)}</p>
    <ul>${past.slice(0, A_DAY).map((one) => html`<${Past} key=${`past ${one.schedule_id}`} one=${one} />`)}${entries.slice(0, Math.max(0, A_DAY - past.length)).map(({ schedule, times, skipped }) => html`<li key=${schedule.id} class=${skipped === times.length ? "is-skipped" : null}><a href=${`/schedules/${schedule.id}`} title=${times.map((one) => time.format(new Date(one))).slice(0, 24).join(", ")}><span class="quiet tabular">${time.format(new Date(times[0]))}${times.length > 1 ? ` ×${times.length}` : ""}</span> ${schedule.name}</a>${skipped > 0 && html` <span class="tag">${skipped < times.length && `${skipped} `}skipped</span>`}</li>`)}
      ${left > 0 && html`<li class="quiet">and ${left} more</li>`}</ul>
  </li>`;
}

export function ScheduleCalendar() {
  const week = Number(place.value.query.get("week") ?? 0) || 0;
  const first = monday(new Date(Date.now() + week * 7 * DAY_MS));
  const days = Array.from({ length: WEEKS * 7 }, (_, i) => new Date(first.getFullYear(), first.getMonth(), first.getDate() + i));
  const end = new Date(first.getFullYear(), first.getMonth(), first.getDate() + days.length);
  const read = useResource(`planned ${end.getTime()}`, () => readWeeks(first, end), about("schedule."), 3000);
  return html`<div class="filters"><a class="btn btn-sm" href=${withQuery({ week: String(week - WEEKS) })}><${Icon} icon="chevrons-left" />Earlier</a>
      <a class="btn btn-sm" href=${withQuery({ week: null })}>Today</a>
      <a class="btn btn-sm" href=${withQuery({ week: String(week + WEEKS) })}>Later<${Icon} icon="chevron-right" /></a>
      <span class="quiet">Times of ${MY_ZONE}. For other calendars: <code>GET /v1/schedules.ics</code></span></div>
    <${Loaded} of=${read} what="the calendar" rows=${8}>
      ${(/** @type {Weeks} */ { past, planned, cut }) => {
        const were = pastByDay(past);
        const frequent = planned.filter((one) => isFrequent(one));
        const entries = byDay(planned.filter((one) => !isFrequent(one)));
        return html`${frequent.length > 0 && html`<ul class="frequent card" aria-label="Too often for the days">${frequent.map(({ schedule }) => html`<li key=${schedule.id}><a href=${`/schedules/${schedule.id}`}>${schedule.name}</a> <span class="quiet">${schedule.description}</span></li>`)}</ul>`}<ol class="calendar card" aria-label="Planned runs by day">${days.map((date) => html`<${Day} key=${key(date)} date=${date} past=${were.get(key(date)) ?? []} entries=${entries.get(key(date)) ?? []} />`)}</ol>
          ${cut && html`<p class="quiet">${cut}</p>`}
          ${!past.length && !planned.length && html`<${Empty} title="Nothing in these weeks">What a <a href="/schedules">schedule</a> is to do stands on its day here, and afterwards what came of it.<//>`}`;
      }}
    <//>`;
}
