"""When something is due: by cron, once, or every so often, in a time zone, between a start and an end. Pure.

Cron has the meaning of Debian's cron, clock changes included; intervals are elapsed time, whatever clocks show.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo

from cron_descriptor import Options, get_description
from cron_descriptor.Exception import FormatError, MissingFieldError
from cronsim import CronSim, CronSimError

NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
"""What crontab(5) has names for; @reboot is no time."""

FIELDS = {
    "minute": "0 to 59", "hour": "0 to 23", "day-of-month": "1 to 31", "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT",
}  # fmt: skip
"""The fields of crontab(5) in their order, by cronsim's names, and what each may hold."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)

A_MOMENT = timedelta(microseconds=1)

LAST_YEAR = 9998
"""Nothing is planned for later: the calendar ends with the year after, earlier or later in the day by the zone."""

FAR = timedelta(days=2)
"""Longer than clocks are ever set by, and shorter than the time between two changes of them."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Exactly one of `cron`, `at` and `every_s`, or none of them: then nothing is due by the clock.

    `anchor` is what an interval without `start_at` is counted from.
    """

    cron: str | None = None
    at: datetime | None = None
    every_s: float | None = None
    zone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None
    anchor: datetime = EPOCH


def cron_problem(expression: str) -> str | None:
    """What is wrong with a cron expression, in words."""
    plain = expression.strip()
    if plain.startswith("@"):
        known = ", ".join(NAMED)
        return (
            None if plain.lower() in NAMED else f"there is no {plain[:40]} here; write five fields, or one of {known}"
        )
    fields = plain.split()
    if len(fields) != 5:
        return f"write five fields – minute, hour, day of month, month, day of week – not {len(fields)}"
    try:
        never = next(iter(CronSim(plain, SOME_DAY)), None) is None
    except CronSimError as error:
        return _field_problem(fields, str(error).removeprefix("Bad "))
    except (ValueError, AssertionError):
        return "it cannot be read; write five fields of numbers, names, *, lists, ranges and steps"
    return "it never fires: no such day comes" if never else None


def _field_problem(fields: list[str], name: str) -> str:
    written = fields[list(FIELDS).index(name)]
    if name == "day-of-month":
        with suppress(CronSimError):
            CronSim(f"0 0 {written} * *", SOME_DAY)
            return "it never fires: no such day comes"  # in the months of this one
    return f"the {name} {written[:40]} is not possible; write {FIELDS[name]}, *, a list, a range or a step"


def after(timing: Timing, moment: datetime) -> datetime | None:
    """The first planned time later than `moment`; None when there is no further one."""
    return next(times(timing, moment), None)


def times(timing: Timing, moment: datetime) -> Iterator[datetime]:
    """All planned times later than `moment`, ascending, in UTC."""
    if timing.start_at is not None:
        moment = max(moment, timing.start_at - A_MOMENT)
    with suppress(OverflowError):  # the calendar has ended
        for planned in _endless(timing, moment):
            if planned.year > LAST_YEAR or (timing.end_at is not None and planned > timing.end_at):
                return
            yield planned


def newest(timing: Timing, moment: datetime, until: datetime, most: int) -> tuple[list[datetime], bool]:
    """The last `most` planned times later than `moment` and not later than `until`; whether there were more.

    However many there were, the cost is that of a few times `most`.
    """
    found: list[datetime] = []
    for planned in islice(times(timing, moment), most + 1):
        if planned > until:
            return found, False
        found.append(planned)
    if len(found) <= most:
        return found, False
    end = min(until, timing.end_at or until)
    back = most
    while True:
        near = max(moment, _before(timing, end, back))
        found = list(_until(times(timing, near), until))
        if len(found) >= most or near == moment:
            return found[-most:], True
        back *= 2


def in_zone(planned: datetime, zone: str) -> datetime:
    """A time as clocks in the zone show it, with its offset."""
    return planned.astimezone(zone_of(zone))


def zone_of(name: str) -> tzinfo:
    """The zone of that IANA name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def first_of(day: date, zone: tzinfo) -> datetime:
    """When a day begins there: at midnight, or at the change of clocks that leaves midnight out."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def describe(timing: Timing) -> str:
    """The timing in plain English; times of day are those of its zone."""
    if timing.cron is not None:
        return _cron_in_words(_five_fields(timing.cron))
    if timing.every_s is not None:
        return f"Every {span(timing.every_s)}"
    if timing.at is not None:
        return f"Once, at {in_zone(timing.at, timing.zone):%H:%M:%S on %d %B %Y}"
    return "When something happens, or on request"


def span(seconds: float) -> str:
    """So many seconds in words, after "every"."""
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = int(seconds // size)
            return name if count == 1 else f"{count} {name}s"
    return "second" if seconds == 1 else f"{seconds:g} seconds"


def _endless(timing: Timing, moment: datetime) -> Iterator[datetime]:
    if timing.cron is not None:
        expression, zone = _five_fields(timing.cron), zone_of(timing.zone)
        goes_by_clocks = any(field.startswith("*") for field in expression.split()[:2])
        yield from (_whenever_shown if goes_by_clocks else _once_each)(expression, zone, moment)
    elif timing.every_s is not None:
        yield from _by_interval(timing.start_at or timing.anchor, timedelta(seconds=timing.every_s), moment)
    elif timing.at is not None and timing.at > moment:
        yield timing.at


def _whenever_shown(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """What has * as hour or minute: all moments at which clocks show a time that fits.

    cronsim is asked for times of day alone: with a zone it misses some where clocks are set by half an hour, and finds
    the same for ever where they go back at a quarter to.
    """
    while True:
        offset = _offset(zone, moment + A_MOMENT)
        for local in CronSim(expression, (moment + offset).replace(tzinfo=None)):
            planned = (local - offset).replace(tzinfo=UTC)
            near = min(planned, moment + FAR)
            if _offset(zone, near) != offset:
                moment = _change(zone, moment, near) - A_MOMENT
                break
            if planned > near:
                moment = max(near, planned - FAR)
                break
            yield planned
            moment = planned
        else:
            return


def _once_each(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """Fixed times: at their first showing, or right after a change of clocks that leaves them out."""
    for local in CronSim(expression, moment.astimezone(zone).replace(tzinfo=None)):
        planned = _first_showing(local, zone)
        if planned > moment:  # of several that were left out, or in an hour that is shown again, it is not
            yield planned
            moment = planned


def _first_showing(local: datetime, zone: tzinfo) -> datetime:
    """When clocks show that time first, or the first later one that they do show."""
    while (shown := local.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != local:
        local += timedelta(minutes=1)
    return shown


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """The minute at which the offset becomes that of `after`, having been another one at `before`."""
    begin, end = before.replace(second=0, microsecond=0), after.replace(second=0, microsecond=0)
    while end - begin > timedelta(minutes=1):
        middle = begin + (end - begin) // timedelta(minutes=2) * timedelta(minutes=1)
        begin, end = (begin, middle) if _offset(zone, middle) == _offset(zone, after) else (middle, end)
    return end


def _by_interval(anchor: datetime, step: timedelta, moment: datetime) -> Iterator[datetime]:
    count = (moment - anchor) // step + 1
    while True:
        yield anchor + count * step
        count += 1


def _before(timing: Timing, until: datetime, count: int) -> datetime:
    """A moment with about `count` planned times between it and `until`, changes of clocks left aside."""
    if timing.every_s is not None:
        return until - (count + 1) * timedelta(seconds=timing.every_s)
    assert timing.cron is not None
    zone = zone_of(timing.zone)
    local = (until + timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    backwards = list(islice(CronSim(_five_fields(timing.cron), local, reverse=True), count + 1))
    return backwards[-1].replace(tzinfo=zone).astimezone(UTC) - A_MOMENT


def _until(planned: Iterator[datetime], until: datetime) -> Iterator[datetime]:
    for each in planned:
        if each > until:
            return
        yield each


def _five_fields(expression: str) -> str:
    plain = expression.strip()
    return NAMED.get(plain.lower(), plain)


def _cron_in_words(expression: str) -> str:
    options = Options()
    options.use_24hour_time_format = True
    try:
        words: str = get_description(expression.upper(), options)
    except (FormatError, MissingFieldError, ValueError, IndexError):  # it knows fewer spellings than cronsim
        return str(CronSim(expression, SOME_DAY).explain())
    fields = expression.split()
    if fields[2].startswith("*") or fields[4].startswith("*"):
        words = words.replace(", or on", ", and only on")
    return words
