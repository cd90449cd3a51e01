"""What comes next of all schedules, and what came of their planned times day by day."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Date, Row, case, cast, false, func, literal_column, select
from sqlalchemy.orm import Session

from gateway.core.database import PLANNED_ANEW
from gateway.core.identity import Actor

from .models import Schedule, ScheduleRun, ScheduleState
from .queries import visible


def soonest(
    session: Session, actor: Actor, before: datetime | None, most: int
) -> Sequence[Row[uuid.UUID, str, datetime | None, bool]]:
    """The next planned times of visible schedules, those before `before`: the first due first, one index range."""
    is_skipped = func.coalesce(ScheduleState.skip_planned_at == ScheduleState.next_planned_at, false())
    query = visible(actor).where(ScheduleState.due_at.is_not(None)).with_only_columns(
        Schedule.id.label("schedule_id"), Schedule.name, ScheduleState.next_planned_at.label("planned_at"),
        is_skipped.label("skipped"),
    )  # fmt: skip
    if before is not None:
        query = query.where(ScheduleState.next_planned_at < before)
    query = query.order_by(ScheduleState.due_at, Schedule.id).limit(most)
    return session.execute(query, execution_options=PLANNED_ANEW).all()


def days(session: Session, actor: Actor, after: datetime, before: datetime, zone: str, most: int) -> Sequence[Row[Any]]:
    """How many planned times of each visible schedule ended how on each day of the zone, the first first.

    One index range for each schedule.
    """
    seen = visible(actor).with_only_columns(Schedule.id, Schedule.name).subquery()
    day = cast(func.timezone(zone, ScheduleRun.planned_at), Date).label("day")
    state = case(
        (ScheduleRun.outcome == "fired", func.coalesce(ScheduleRun.result, "running")), else_=ScheduleRun.outcome
    ).label("state")
    first_at = func.min(ScheduleRun.planned_at).label("first_at")
    last_at = func.max(ScheduleRun.planned_at).label("last_at")
    counts = select(seen.c.id, seen.c.name, day, state, first_at, last_at, func.count().label("times"))
    within = (ScheduleRun.planned_at >= after, ScheduleRun.planned_at < before, ScheduleRun.outcome.is_not(None))
    query = counts.join(ScheduleRun, ScheduleRun.schedule_id == seen.c.id).where(*within)
    query = query.group_by(seen.c.id, seen.c.name, literal_column("day"), literal_column("state"))
    return session.execute(query.order_by(first_at, seen.c.id).limit(most)).all()
