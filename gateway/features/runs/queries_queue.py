"""How many runs waited and ran at once, worked out of when each was made, began and ended."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import CTE, DateTime, Integer, Row, case, cast, column, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from gateway.core.clock import first_id_at
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Run

LOOK_BACK = timedelta(days=1)
"""How long before the first moment a run may have been made that has ended since, so that few are looked through."""


def levels(session: Session, actor: Actor, since: datetime, step: timedelta) -> list[Row[datetime, int, int, int, int]]:
    """For each step of time in which a run was made, began or ended: the most that waited and that ran at once, and how
    many did at its end. The step before `since` holds what came earlier."""
    runs = _queued(actor, since)
    until_begun = func.coalesce(runs.c.started_at, runs.c.ended_at)
    begins = case((runs.c.started_at.is_(None), 0), else_=1)
    changes = union_all(
        select(runs.c.created_at.label("time"), literal(1).label("waits"), literal(0).label("works")),
        select(until_begun, literal(-1), begins).where(until_begun.is_not(None)),
        select(runs.c.ended_at, literal(0), literal(-1)).where(
            runs.c.started_at.is_not(None), runs.c.ended_at.is_not(None)
        ),
    ).cte("changes")
    time = changes.c.time
    waits, works = (cast(func.sum(of).over(order_by=time), Integer) for of in (changes.c.waits, changes.c.works))
    sums = select(time, waits.label("waits"), works.label("works")).cte("sums")
    at = func.date_bin(step, func.greatest(sums.c.time, _at(since - step)), _at(since))
    last = [func.array_agg(aggregate_order_by(of, sums.c.time.desc()))[1] for of in (sums.c.waits, sums.c.works)]
    query = select(at, func.max(sums.c.waits), func.max(sums.c.works), *last)
    return list(session.execute(query.group_by(at).order_by(at)).all())


def longest_waits(
    session: Session, actor: Actor, since: datetime, until: datetime, step: timedelta
) -> dict[datetime, float]:
    """How many seconds the longest-waiting run had waited, at most, in each step of time in which one waited."""
    runs = _queued(actor, since)
    begun = func.coalesce(runs.c.started_at, runs.c.ended_at, _at(until))
    first = func.date_bin(step, func.greatest(runs.c.created_at, _at(since)), _at(since))
    time = column("time", DateTime(timezone=True))
    steps = func.generate_series(first, begun, step).table_valued(time, name="steps").render_derived().lateral()
    waited = func.least(begun, steps.c.time + step) - runs.c.created_at
    query = select(steps.c.time, func.extract("epoch", func.max(waited))).select_from(runs).join(steps, literal(True))
    rows = session.execute(query.where(begun >= since).group_by(steps.c.time)).all()
    return {moment: float(seconds) for moment, seconds in rows}


def _queued(actor: Actor, since: datetime) -> CTE:
    """The times of the actor's runs that went through the queue and were open at `since` or later."""
    seen = seen_by(actor, "runs.read", owner=Run.owner_id, project=Run.project_id, key=Run.id)
    recent: uuid.UUID = first_id_at(since - LOOK_BACK)
    query = select(Run.created_at, Run.started_at, Run.ended_at).where(
        Run.kind == "task", or_(Run.id >= recent, Run.status.in_(("pending", "running"))), seen
    )
    return query.cte("queued")


def _at(moment: datetime) -> object:
    return cast(moment, DateTime(timezone=True))
