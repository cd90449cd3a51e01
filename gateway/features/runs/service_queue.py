"""The queue as it was: how many runs waited and ran at once, and for how long the longest had waited."""

from datetime import datetime, timedelta

from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries_queue
from .schemas import QueueHistoryOut, QueueMoment

STEPS = 96
"""Into how many steps a span of time is divided: a quarter of an hour each for a day."""


def history(work: Work, minutes: int) -> QueueHistoryOut:
    """How deep the queue was in each step of the last minutes, for the caller's runs that are still there."""
    work.allow("queue.read", Resource("queue"))
    until, step = now(), timedelta(minutes=minutes) / STEPS
    since = until - step * STEPS
    found = {time: tuple(row) for time, *row in queries_queue.levels(work.session, work.actor, since, step)}
    waited = queries_queue.longest_waits(work.session, work.actor, since, until, step)
    _, _, waiting, running = found.get(since - step, (0, 0, 0, 0))
    items = []
    for time in (since + step * n for n in range(STEPS)):
        most_waiting, most_running, *after = found.get(time, (0, 0, waiting, running))
        items.append(_moment(time, max(waiting, most_waiting), max(running, most_running), waited.get(time)))
        waiting, running = after
    return QueueHistoryOut(step_s=step.total_seconds(), items=items)


def _moment(time: datetime, waiting: int, running: int, longest_wait_s: float | None) -> QueueMoment:
    return QueueMoment(time=time, waiting=waiting, running=running, longest_wait_s=longest_wait_s)
