"""Schedules seen from aside: the queue's depth with them, the calendar, a timing before it is one."""

import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain, islice, takewhile
from zoneinfo import ZoneInfo

from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.runs import service_placement as runs
from gateway.features.settings import service as settings

from . import arming, calendar_feed, queries, queries_days, timing
from .calendar_feed import Entry
from .models import Schedule
from .schemas import PreviewIn, PreviewOut, QueueOut, ScheduleCounts, UpcomingQuery
from .schemas_days import DayOut, DaysOut, DaysQuery, FrequentOut, NextList, NextOut, PlannedDayOut
from .service import shown, visible

MOST_SCHEDULES = 500
EACH = 50
MOST_ENTRIES = 2000
MOST_ROWS = 5000
MOST_TIMES = 300


def queue(work: Work) -> QueueOut:
    """What waits and what runs, and what is planned."""
    depth = runs.queue_depth(work)
    enabled, disabled, due, following = queries.counts(work.session, work.actor, now())
    return QueueOut(
        depth=depth.depth, oldest_age_s=depth.oldest_age_s,
        schedules=ScheduleCounts(
            enabled=enabled, disabled=disabled, due=due, next_planned_at=following,
            waiting=queries.all_waiting(work.session, work.actor),
        ),
    )  # fmt: skip


def calendar(work: Work) -> bytes:
    """The next runs of the caller's schedules, those that come first, as iCalendar."""
    query = visible(work, enabled=True).order_by(Schedule.id.desc()).limit(MOST_SCHEDULES)
    entries = [entry for schedule in _in_turn(work.session.scalars(query)) for entry in _entries(schedule)]
    entries.sort(key=lambda entry: entry.planned_at)
    return calendar_feed.rendered(entries[:MOST_ENTRIES], now())


def upcoming(work: Work, query: UpcomingQuery) -> NextList:
    """The next planned time of each of the caller's schedules, of as many as are asked for."""
    work.allow("schedules.read", Resource("schedules", listed=True))
    found = queries_days.soonest(work.session, work.actor, query.before, query.count)
    return NextList(items=[NextOut.model_validate(row) for row in found])


def days(work: Work, query: DaysQuery) -> DaysOut:
    """What came of the planned times of the caller's schedules, day by day, and what is planned."""
    work.allow("schedules.read", Resource("schedules", listed=True))
    rows = queries_days.days(work.session, work.actor, query.after, query.before, query.time_zone, MOST_ROWS + 1)
    found: dict[tuple[uuid.UUID, date], DayOut] = {}
    for row in rows[:MOST_ROWS]:
        one = found.setdefault(
            (row.id, row.day),
            DayOut(
                schedule_id=row.id, name=row.name, day=row.day, first_at=row.first_at, last_at=row.last_at, outcomes={}
            ),
        )
        one.last_at = max(one.last_at, row.last_at)
        one.outcomes[row.state] = row.times
    planned, frequent, all_planned = _planned(work, query)
    return DaysOut(
        items=list(found.values()), planned=planned, frequent=frequent, whole=len(rows) <= MOST_ROWS and all_planned
    )  # fmt: skip


def preview(work: Work, wish: PreviewIn) -> PreviewOut:
    """A timing in words, with the first times it comes to."""
    work.allow("schedules.read", Resource("schedules", listed=True))
    zone = wish.time_zone or identity.time_zone_of(work, work.actor.user_id) or settings.value(work, "time_zone")
    at = now()
    looked_at = timing.Timing(
        cron=wish.cron, at=wish.at, every_s=wish.every_s, zone=zone, start_at=wish.start_at, end_at=wish.end_at,
        anchor=at,
    )  # fmt: skip
    begin = wish.start_at - timing.A_MOMENT if wish.start_at is not None else at
    found = islice(timing.times(looked_at, begin), wish.count)
    return PreviewOut(
        description=timing.describe(looked_at), time_zone=zone, items=[shown(planned, zone) for planned in found]
    )


def _planned(work: Work, query: DaysQuery) -> tuple[list[PlannedDayOut], list[FrequentOut], bool]:
    if query.before <= now():
        return [], [], True
    schedules = list(
        work.session.scalars(visible(work, enabled=True).order_by(Schedule.id.desc()).limit(MOST_SCHEDULES + 1))
    )
    found: dict[tuple[uuid.UUID, date], PlannedDayOut] = {}
    frequent: list[FrequentOut] = []
    for schedule in _in_turn(schedules[:MOST_SCHEDULES]):
        times = _times(schedule, query)
        if len(times) > MOST_TIMES:
            frequent.append(
                FrequentOut(schedule_id=schedule.id, name=schedule.name, description=arming.in_words(schedule))
            )
            continue
        for planned in times:
            day = planned.astimezone(ZoneInfo(query.time_zone)).date()
            one = found.setdefault(
                (schedule.id, day),
                PlannedDayOut(
                    schedule_id=schedule.id, name=schedule.name, day=day, first_at=planned, last_at=planned, times=0,
                    skipped=0,
                ),
            )  # fmt: skip
            one.last_at = planned
            one.times += 1
            one.skipped += planned == schedule.state.skip_planned_at
    days = sorted(found.values(), key=lambda one: one.first_at)
    return days[:MOST_ROWS], frequent, len(schedules) <= MOST_SCHEDULES and len(days) <= MOST_ROWS


def _in_turn(schedules: Iterable[Schedule]) -> Iterator[Schedule]:
    """One after the other, and other requests in between: the times of one take milliseconds, of hundreds seconds."""
    for schedule in schedules:
        time.sleep(0)
        yield schedule


def _times(schedule: Schedule, query: DaysQuery) -> list[datetime]:
    """Its planned times in the query's span, one more than are told day by day at most."""
    first = schedule.state.next_planned_at
    if first is None:
        return []
    following: Iterator[datetime]
    if first < query.after:
        following = timing.times(arming.timing_of(schedule), query.after - timing.A_MOMENT)
    else:
        following = chain([first], timing.times(arming.timing_of(schedule), first))
    return list(islice(takewhile(lambda planned: planned < query.before, following), MOST_TIMES + 1))


def _entries(schedule: Schedule) -> list[Entry]:
    first = schedule.state.next_planned_at
    if first is None:
        return []
    times = [first, *islice(timing.times(arming.timing_of(schedule), first), EACH - 1)]
    words = arming.in_words(schedule)
    skipped = schedule.state.skip_planned_at
    return [Entry(schedule.id, schedule.name, words, planned) for planned in times if planned != skipped]
