"""Schedules seen from aside: the queue's depth with them, the calendar's file, a timing before it is one."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.runs import service_background as background
from gateway.features.runs import service_placement as runs
from gateway.features.settings import service as settings

from . import arming, calendar_feed, queries, timing
from .calendar_feed import Entry
from .models import Schedule
from .schemas import PreviewIn, PreviewOut, QueueOut, ScheduleCounts
from .service import shown, visible

MOST_SCHEDULES = 500
EACH = 50
MOST_ENTRIES = 2000


def queue(work: Work) -> QueueOut:
    """What waits and what runs, and what is planned."""
    depth = runs.queue_depth(work)
    enabled, disabled, due, following = queries.counts(work.session, work.actor, now())
    return QueueOut(
        depth=depth.depth, oldest_age_s=depth.oldest_age_s, background=background.counts(work),
        schedules=ScheduleCounts(
            enabled=enabled, disabled=disabled, due=due, next_planned_at=following,
            waiting=queries.all_waiting(work.session, work.actor),
        ),
    )  # fmt: skip


def calendar(work: Work) -> bytes:
    """The next runs of the caller's schedules, those that come first, as iCalendar."""
    query = visible(work, enabled=True).order_by(Schedule.id.desc()).limit(MOST_SCHEDULES)
    entries = [entry for schedule in in_turn(work.session.scalars(query)) for entry in _entries(schedule)]
    entries.sort(key=lambda entry: entry.planned_at)
    return calendar_feed.rendered(entries[:MOST_ENTRIES], now())


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


def in_turn(schedules: Iterable[Schedule]) -> Iterator[Schedule]:
    """One after the other, and other requests in between: the times of one take milliseconds, of hundreds seconds."""
    for schedule in schedules:
        time.sleep(0)
        yield schedule


def _entries(schedule: Schedule) -> list[Entry]:
    first = schedule.state.next_planned_at
    if first is None:
        return []
    times = [first, *islice(timing.times(arming.timing_of(schedule), first), EACH - 1)]
    words = arming.in_words(schedule)
    skipped = schedule.state.skip_planned_at
    return [Entry(schedule.id, schedule.name, words, planned) for planned in times if planned != skipped]
