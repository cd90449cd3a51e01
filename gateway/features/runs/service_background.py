"""What nodes do beside runs: operations of connectors, purges, looks at providers; and what of it dead nodes left.

A job of these may be begun anew: it looks at the room's own records first, which say what is left to do.
"""

from collections.abc import Callable, Mapping

from gateway.core import queue
from gateway.core.identity import SYSTEM_USER_ID
from gateway.core.policy import Resource, can
from gateway.core.unit_of_work import Work

from . import queries_background, service
from .schemas import BackgroundJobs

LOST_AFTER_S = 8.0
"""A worker not heard of for this long is gone, and what it was doing is begun anew."""

MOST_TRIES = 3
"""A job that cost a worker this often is given up: it may be what kills them."""

BATCH = 100

Record = Callable[..., None]
"""What a room records of a job: called with the unit of work and the job's own arguments."""


def take_up(work: Work, lost: Mapping[str, Record], given_up: Mapping[str, Record]) -> tuple[int, list[str]]:
    """Puts back what dead workers left, or gives it up; returns how many went back, and the names of the others.

    Rooms record it by a job's name: `lost` what was under way of one that goes back, `given_up` one that does not.
    """
    again, over = 0, []
    for job in queries_background.left(work.session, LOST_AFTER_S, BATCH):
        if job.abort_requested:
            queue.forget(work.session, job.id)
        elif job.attempts + 1 < MOST_TRIES:
            queue.requeue(work.session, job.id)
            again += 1
            if job.name in lost:
                lost[job.name](work, **job.args)
        else:
            queue.forget(work.session, job.id)
            over.append(job.name)
            if job.name in given_up:
                given_up[job.name](work, **job.args)
    return again, over


def counts(work: Work) -> list[BackgroundJobs]:
    """How many of each wait, run and were lost, for whoever sees the whole queue: they are nobody's."""
    of_all = Resource("queue", owner_id=SYSTEM_USER_ID)
    if not can(work.actor, "queue.read", of_all).allowed:
        return []
    rows = queries_background.counts(work.session, LOST_AFTER_S, (service.EXECUTE, service.ANSWER))
    return [BackgroundJobs(name=row.name, waiting=row.waiting, running=row.running, lost=row.lost) for row in rows]
