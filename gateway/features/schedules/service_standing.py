"""Where all gateways stand together: what is due, the wall time that was seen last, what nobody heard the end of."""

import uuid
from datetime import datetime, timedelta

from gateway.core.unit_of_work import Work

from . import arming, queries, service_following

CORRECTION = timedelta(hours=3)
"""A wall clock that goes back further was corrected, as Debian's cron has it: the new time is used at once."""

NOTED_EVERY = timedelta(minutes=1)
"""The wall time is noted no more often: a look that finds nothing to note writes nothing and waits for nobody."""

BATCH = 500


def look(work: Work, at: datetime) -> None:
    """Notes the wall time. After a correction every clock is set anew; what was fired already is not fired again."""
    if -CORRECTION <= at - queries.looked_at(work.session) < NOTED_EVERY:
        return
    clock = queries.clock(work.session)
    if clock.looked_at - at > CORRECTION:
        clock.looked_at = at
        _set_all(work, at)
    clock.looked_at = max(clock.looked_at, at)
    work.session.flush()


def due(work: Work, at: datetime, limit: int, *, but: set[uuid.UUID]) -> list[uuid.UUID]:
    """Schedules that have something to be dealt with, but those in `but`."""
    ready = [schedule_id for schedule_id in queries.ready(work.session) if schedule_id not in but]
    return list(dict.fromkeys([*ready, *queries.due(work.session, at, limit, but=but)]))[:limit]


def earliest(work: Work) -> datetime | None:
    """When the next planned time is due."""
    return queries.earliest(work.session)


def settle_all(work: Work) -> None:
    """Settles runs whose tasks ended without anybody following events.

    Whoever follows has the clock as well: nobody settles meanwhile what is found open here.
    """
    clock = queries.clock(work.session)
    service_following.settle_lost(work, queries.every_open_run(work.session), clock.followed_seq)


def _set_all(work: Work, at: datetime) -> None:
    after = None
    while found := queries.ahead(work.session, at, after, BATCH):
        for schedule in found:
            arming.arm(schedule, at)
        after = found[-1].id
        work.session.flush()
