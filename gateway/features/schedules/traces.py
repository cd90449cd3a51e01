"""What this room knows of causes and effects. A firing is one planned time of a schedule, or one that was asked for."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Schedule


def schedules(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Schedules."""
    for schedule in work.session.scalars(queries.visible(work.actor).where(Schedule.id.in_(ids))):
        yield Thing(Ref("schedules", schedule.id), schedule.name, schedule.created_at)


def firings(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Planned times of schedules that the caller may see."""
    for run, name in queries.named_runs(work.session, work.actor, ids):
        title = f"{name}, planned for {run.planned_at:%Y-%m-%d %H:%M:%S} UTC"
        yield Thing(Ref("firings", run.id), title, run.fired_at or run.planned_at, run.result or run.outcome)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """The schedule that a firing is of."""
    for run, _ in queries.named_runs(work.session, work.actor, found.get("firings", ())):
        yield Edge(Ref("schedules", run.schedule_id), Ref("firings", run.id), run.cause)


TRACEABLE = (Traceable("schedules", schedules), Traceable("firings", firings, edges, room="schedules"))
