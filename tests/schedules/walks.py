"""Our planned times beside those of cronsim, for many expressions in many zones."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, zip_longest
from zoneinfo import ZoneInfo

from cronsim import CronSim

from gateway.features.schedules import timing
from gateway.features.schedules.timing import Timing

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


def by_cronsim(expression: str, zone: str, begin: datetime) -> Iterator[datetime]:
    """What cronsim says on its own, walked from the beginning; each moment once."""
    before = None
    for local in CronSim(expression, begin.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))):
        if (moment := local.astimezone(UTC)) != before:
            yield moment
        before = moment


def differences(expression: str, zone: str, begin: datetime, end: datetime, most: int) -> list[str]:
    """Where ours differs, both walked on and taken up again from each time, as after a restart."""
    wanted = [each for each in islice(by_cronsim(expression, zone, begin), most) if each <= end]
    sched = Timing(cron=expression, zone=zone, end_at=end)
    found = list(islice(timing.times(sched, begin), len(wanted)))
    again = [timing.after(sched, before) for before in (begin, *wanted[:-1])] if wanted else []
    pairs = [*zip(wanted, found, strict=False), *zip(wanted, again, strict=False)]
    return [f"{expression} {zone}: {one} is not {other}" for one, other in pairs if one != other]


def walked(expression: str, zone: str) -> tuple[int, list[str]]:
    """How many times an expression has from 2024 to 2040, all of them compared, and the first where ours differs."""
    ours = Timing(cron=expression, zone=zone, end_at=END)
    count, before = 0, BEGIN
    for wanted, found in zip_longest(_until_end(by_cronsim(expression, zone, BEGIN)), timing.times(ours, BEGIN)):
        again = timing.after(ours, before) if count % TAKEN_UP == 0 else found
        if not wanted == found == again:
            return count, [f"{expression} {zone}: {wanted} is not {found}, or {again} when taken up from {before}"]
        count, before = count + 1, wanted
    return count, []


def _until_end(times: Iterator[datetime]) -> Iterator[datetime]:
    for each in times:
        if each > END:
            return
        yield each
