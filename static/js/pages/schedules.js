/** Schedules: the list, the calendar, and the queue that their work waits in. */
import { html } from "../html.js";
import { navigate } from "../router.js";
import { SCHEDULE_TABS } from "../routes.js";
import { can } from "../session.js";
import { Icon } from "../components/icon.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { ScheduleCalendar } from "./schedules/calendar.js";
import { editSchedule } from "./schedules/editor.js";
import { ScheduleList } from "./schedules/list.js";
import { QueueDepth } from "./schedules/queue.js";

/** @type {Record<string, () => any>} */
const PARTS = { "/schedules": ScheduleList, "/schedules/calendar": ScheduleCalendar, "/schedules/queue": QueueDepth };

export default function SchedulesPage() {
  const path = shownTab(SCHEDULE_TABS);
  const add = () => editSchedule({}, (made) => void navigate(`/schedules/${made.id}`));
  return html`<div class="page-head"><h1>Schedules</h1>
      ${can("schedules.create") && html`<button type="button" class="btn btn-primary btn-sm" onClick=${add}><${Icon} icon="plus" />New schedule</button>`}</div>
    <${Tabs} tabs=${SCHEDULE_TABS} label="Schedules" /><${PARTS[path]} key=${path} />`;
}
