"""Our planned times beside those of cronsim, for many expressions in many zones.

cronsim is mistaken around some changes of clocks: where they are set by half an hour or at a quarter to, it leaves out
times or finds the same ones for ever, and in zones that leave midnight out it finds one that clocks do not show. So
where ours differs, a model of its own decides: a look at what clocks show in that minute, by Debian cron's rules.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from gateway.features.schedules import timing
from gateway.features.schedules.timing import Timing

A_MINUTE = timedelta(minutes=1)

BEGIN, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)

TAKEN_UP = 101
"""A walk is taken up again, as after a restart, from every so many times; a prime, so that no pattern is missed."""

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Moscow", "Europe/Istanbul",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "America/Anchorage", "America/Halifax", "America/St_Johns", "America/Sao_Paulo", "America/Santiago",
    "America/Asuncion", "America/Havana", "America/Mexico_City", "America/Bogota", "Africa/Cairo", "Africa/Casablanca",
    "Africa/Johannesburg", "Africa/Lagos", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu",
    "Asia/Tehran", "Asia/Jerusalem", "Asia/Beirut", "Asia/Dubai", "Australia/Sydney", "Australia/Adelaide",
    "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Antarctica/Troll",
)  # fmt: skip
"""Forty zones: no clock changes, changes of half an hour, of two hours, at midnight, south of the equator."""


def expressions(count: int, seed: int = 1) -> list[str]:
    """Cron expressions of every shape, with the hours in which clocks change among them."""
    chance = random.Random(seed)
    minutes = ("0", "30", "*/15", "5,35", "0-10/5", "59", "*/7", "17")
    hours = ("*", "0", "1", "2", "3", "1-3", "*/2", "*/6", "2,14", "23", "0-4")
    days = ("*", "1", "15", "*/2", "L", "29", "1-7", "31", "LW")
    months = ("*", "3", "10,11", "3-4", "*/3", "jan-mar", "11")
    weekdays = ("*", "0", "7", "1-5", "sun", "1#2", "5L", "6,0")
    found = [" ".join(map(chance.choice, (minutes, hours, days, months, weekdays))) for _ in range(count)]
    return [each if timing.cron_problem(each) is None else "30 2 * * 0" for each in found]


MOST_PASSED_OVER = 200
"""Times in a row that are not later than the one before: then cronsim goes round, and is begun anew a minute later."""


def by_cronsim(expression: str, zone: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """What cronsim says on its own up to `end`, each moment once, ascending."""
    local, before = zone_of(zone), begin
    while True:
        passed_over = 0
        for each in CronSim(expression, begin.astimezone(local)):
            if (moment := each.astimezone(UTC)) > end:
                return
            if moment > before:
                yield moment
                begin, before, passed_over = moment, moment, 0
            elif (passed_over := passed_over + 1) > MOST_PASSED_OVER:
                break
        else:
            return
        begin += A_MINUTE


def is_due(expression: str, zone: str, minute: datetime) -> bool:
    """Whether Debian's cron would run it in that minute, by what clocks show then and have shown before.

    With * as hour or minute, when the clock shows a time that fits. Else when it shows such a time first, or has just
    left it out.
    """
    fields, local = expression.split(), zone_of(zone)
    shown = _shown(minute, local)
    if fields[0].startswith("*") or fields[1].startswith("*"):
        return _fits(expression, shown)
    latest = _latest(minute, local)
    return any(_fits(expression, latest + count * A_MINUTE) for count in range(1, (shown - latest) // A_MINUTE + 1))


@cache
def _latest(minute: datetime, zone: tzinfo) -> datetime:
    """The latest time that clocks have shown in the three hours before."""
    shown = _shown(minute, zone)
    if shown - _shown(minute - 180 * A_MINUTE, zone) == 180 * A_MINUTE:
        return shown - A_MINUTE
    return max(_shown(minute - count * A_MINUTE, zone) for count in range(1, 181))


def zone_of(name: str) -> tzinfo:
    """The zone of that name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _shown(minute: datetime, zone: tzinfo) -> datetime:
    return minute.astimezone(zone).replace(tzinfo=None)


def _fits(expression: str, shown: datetime) -> bool:
    sets = _sets(expression)
    return (
        shown.minute in sets.minutes and shown.hour in sets.hours and shown.month in sets.months
        and sets.match_day(shown.date())
    )  # fmt: skip


@cache
def _sets(expression: str) -> CronSim:
    return CronSim(expression, BEGIN)  # read only, never walked: what each field allows


@dataclass
class Walk:
    """How many times there were, at how many cronsim was mistaken, and where ours is."""

    count: int = 0
    peer_mistaken: int = 0
    different: list[str] = field(default_factory=list)


def walked(expression: str, zone: str, begin: datetime = BEGIN, end: datetime = END, taken_up: int = TAKEN_UP) -> Walk:
    """All times from `begin` to `end` compared, walked on and, from every so many, taken up again."""
    walk = Walk()
    ours, before = Timing(cron=expression, zone=zone, end_at=end), begin
    theirs = by_cronsim(expression, zone, begin, end)
    wanted = next(theirs, None)
    for found in timing.times(ours, begin):
        while wanted is not None and wanted < found:
            walk.peer_mistaken += 1
            if is_due(expression, zone, wanted):
                walk.different.append(f"{expression} {zone}: {wanted} is left out")
            wanted = next(theirs, None)
        if wanted == found:
            wanted = next(theirs, None)
        else:
            walk.peer_mistaken += 1
            if not is_due(expression, zone, found):
                walk.different.append(f"{expression} {zone}: {found} is not due")
        if walk.count % taken_up == 0 and (again := timing.after(ours, before)) != found:
            walk.different.append(f"{expression} {zone}: {found} is {again} when taken up from {before}")
        walk.count, before = walk.count + 1, found
    left = [wanted, *theirs] if wanted is not None else []
    walk.peer_mistaken += len(left)
    walk.different += [f"{expression} {zone}: {each} is left out" for each in left if is_due(expression, zone, each)]
    return walk
