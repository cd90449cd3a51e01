"""All schedules at once: what comes next, what came of their planned times day by day, and what is planned."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain, islice, takewhile
from typing import get_args

from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import arming, queries_days, timing
from .models import Schedule
from .schemas import UpcomingQuery
from .schemas_days import MOST_ROWS, DayOut, DaysOut, DaysQuery, DayState, FrequentOut, NextList, NextOut, PlannedDayOut
from .service import visible
from .service_views import MOST_SCHEDULES, in_turn
from .timing import Timing

MOST_TIMES = 300


def upcoming(work: Work, query: UpcomingQuery) -> NextList:
    """The next planned time of each of the caller's schedules, of as many as are asked for."""
    work.allow("schedules.read", Resource("schedules", listed=True))
    found = queries_days.soonest(work.session, work.actor, query.before, query.count)
    return NextList(items=[NextOut.model_validate(row) for row in found])


def days(work: Work, query: DaysQuery) -> DaysOut:
    """What came of the planned times of the caller's schedules, day by day, and what is planned."""
    work.allow("schedules.read", Resource("schedules", listed=True))
    told = DaysOut(items=[], planned=[], frequent=[], left_out={}, whole=True)
    _tell_past(work, query, told)
    if query.before > now():
        _tell_planned(work, query, told)
    return told


def spans(query: DaysQuery) -> list[tuple[date, datetime, datetime]]:
    """The days of the query's zone that it touches, each with the part of it that is asked for."""
    zone = timing.zone_of(query.time_zone)
    found = []
    day, begins = query.after.astimezone(zone).date(), query.after
    while begins < query.before:
        following = day + timedelta(days=1)
        ends = min(query.before, timing.first_of(following, zone))
        found.append((day, begins, ends))
        day, begins = following, ends
    return found


def _tell_past(work: Work, query: DaysQuery, told: DaysOut) -> None:
    rows = queries_days.days(work.session, work.actor, spans(query), query.each, MOST_ROWS + 1)
    shown: dict[date, int] = {}
    for row in rows[:MOST_ROWS]:
        outcomes = {state: count for state in get_args(DayState) if (count := getattr(row, state))}
        told.items.append(
            DayOut(
                schedule_id=row.schedule_id, name=row.name, day=row.day, first_at=row.first_at, last_at=row.last_at,
                outcomes=outcomes,
            )
        )  # fmt: skip
        shown[row.day] = shown.get(row.day, 0) + 1
        if row.there > query.each:
            told.left_out[row.day] = row.there - query.each
    told.whole &= len(rows) <= MOST_ROWS


@dataclass(slots=True)
class _Planned:
    """What a schedule is to do on a day."""

    schedule: Schedule
    first_at: datetime
    last_at: datetime
    times: int = 0
    skipped: int = 0


def _tell_planned(work: Work, query: DaysQuery, told: DaysOut) -> None:
    newest = visible(work, enabled=True).order_by(Schedule.id.desc()).limit(MOST_SCHEDULES + 1)
    schedules = list(work.session.scalars(newest))
    found: dict[date, dict[uuid.UUID, _Planned]] = {}
    zone = timing.zone_of(query.time_zone)
    for schedule in in_turn(schedules[:MOST_SCHEDULES]):
        times = _times(schedule, query)
        if len(times) > MOST_TIMES:
            words = arming.in_words(schedule)
            told.frequent.append(FrequentOut(schedule_id=schedule.id, name=schedule.name, description=words))
            continue
        for planned in times:
            of_day = found.setdefault(planned.astimezone(zone).date(), {})
            one = of_day.setdefault(schedule.id, _Planned(schedule, planned, planned))
            one.last_at = planned
            one.times += 1
            one.skipped += planned == schedule.state.skip_planned_at
    rows = list(_soonest_of_each(found, query.each))
    told.planned = [
        PlannedDayOut(
            schedule_id=one.schedule.id, name=one.schedule.name, day=day, first_at=one.first_at, last_at=one.last_at,
            times=one.times, skipped=one.skipped,
        )
        for day, one in rows[:MOST_ROWS]
    ]  # fmt: skip
    for day, of_day in found.items():
        if len(of_day) > query.each:
            told.left_out[day] = told.left_out.get(day, 0) + len(of_day) - query.each
    told.whole &= len(schedules) <= MOST_SCHEDULES and len(rows) <= MOST_ROWS


def _soonest_of_each(found: dict[date, dict[uuid.UUID, _Planned]], each: int) -> Iterator[tuple[date, _Planned]]:
    for day in sorted(found):
        for one in sorted(found[day].values(), key=lambda one: one.first_at)[:each]:
            yield day, one


def _times(schedule: Schedule, query: DaysQuery) -> tuple[datetime, ...]:
    """Its planned times in the query's span, one more than are told day by day at most."""
    first = schedule.state.next_planned_at
    return _times_of(arming.timing_of(schedule), first, query.after, query.before) if first is not None else ()


# The calendar asks for the same weeks again and again, and many schedules have the same timing.
@lru_cache(maxsize=MOST_SCHEDULES)
def _times_of(of: Timing, first: datetime, after: datetime, before: datetime) -> tuple[datetime, ...]:
    following: Iterator[datetime]
    following = timing.times(of, after - timing.A_MOMENT) if first < after else chain([first], timing.times(of, first))
    return tuple(islice(takewhile(lambda planned: planned < before, following), MOST_TIMES + 1))
