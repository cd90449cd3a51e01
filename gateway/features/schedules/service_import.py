"""Makes schedules of the lines of a crontab."""

from itertools import islice

from pydantic import ValidationError

from gateway.core.errors import Conflict, Forbidden, Invalid
from gateway.core.findings import findings
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import arming, crontab, service, timing
from .schemas import CrontabIn, CrontabLine, CrontabOut, ScheduleIn

MOST = 500


def take(work: Work, wish: CrontabIn) -> CrontabOut:
    """Makes a schedule of each line that it can; the others are named with what is wrong. Raises Invalid."""
    work.allow("schedules.create", Resource("schedules", None, work.actor.user_id))
    found = list(islice(crontab.entries(wish.crontab), MOST + 1))
    if len(found) > MOST:
        raise Invalid.field("crontab", f"it has more than {MOST} entries; import {MOST} at most at once")
    of_system = crontab.names_users(wish.crontab, found)
    lines = [_line(work, wish, entry, of_system) for entry in found]
    return CrontabOut(imported=sum(line.schedule_id is not None for line in lines), lines=lines)


def _line(work: Work, wish: CrontabIn, entry: crontab.Entry, of_system: bool) -> CrontabLine:
    shown = CrontabLine(line=entry.line, text=entry.text[:500])
    if not entry.command:
        return shown.model_copy(update={"problem": "there is no command; a line is five fields and a command"})
    if entry.cron.lower() == "@reboot":
        return shown.model_copy(update={"problem": "@reboot is no time; nothing is run when the machine starts"})
    if of_system and entry.has_room_for_user:
        return shown.model_copy(update={"problem": "it names a user, as in /etc/crontab; leave that column out"})
    try:
        asked = ScheduleIn.model_validate(
            {
                "name": crontab.name_of(entry), "cron": entry.cron, "time_zone": wish.time_zone or entry.zone,
                "payload": crontab.payload_of(entry), "enabled": wish.enabled, "project_id": wish.project_id,
            }
        )  # fmt: skip
        shown = shown.model_copy(
            update={
                "name": asked.name,
                "cron": asked.cron,
                "description": timing.describe(timing.Timing(cron=asked.cron)),
            }
        )
        if wish.dry_run:
            return shown
        made = service.create(work, asked)
    except ValidationError as error:
        return shown.model_copy(update={"problem": findings(error)[0][1]})
    except (Invalid, Forbidden, Conflict) as error:
        if wish.project_id is not None and error.detail.startswith("project_id"):
            raise
        return shown.model_copy(update={"problem": error.detail})
    return shown.model_copy(update={"schedule_id": made.id, "description": arming.in_words(made)})
