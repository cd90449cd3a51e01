"""What comes next of all schedules, and what came of their planned times day by day."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, get_args

from sqlalchemy import Date, DateTime, Row, case, column, false, func, select, true, values
from sqlalchemy.orm import Session, aliased

from gateway.core.database import PLANNED_ANEW
from gateway.core.identity import Actor

from .models import Schedule, ScheduleRun, ScheduleState
from .queries import seen, visible
from .schemas_days import DayState

_TIME = DateTime(timezone=True)


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


def days(
    session: Session, actor: Actor, spans: Sequence[tuple[date, datetime, datetime]], each: int, most: int
) -> Sequence[Row[Any]]:
    """How many planned times of visible schedules ended how on each day, which is told with its beginning and end.

    Of a day the `each` schedules whose first time was first, with how many there are (`there`): one index range a day.
    """
    day = values(column("day", Date), column("begins", _TIME), column("ends", _TIME), name="days").data(list(spans))
    state = case(
        (ScheduleRun.outcome == "fired", func.coalesce(ScheduleRun.result, "running")), else_=ScheduleRun.outcome
    )
    first_at = func.min(ScheduleRun.planned_at)
    within = (ScheduleRun.planned_at >= day.c.begins, ScheduleRun.planned_at < day.c.ends)
    found = (
        select(
            ScheduleRun.schedule_id, first_at.label("first_at"), func.max(ScheduleRun.planned_at).label("last_at"),
            *(func.count().filter(state == one).label(one) for one in get_args(DayState)),
            func.count().over().label("there"),
        )
        .join(Schedule, Schedule.id == ScheduleRun.schedule_id)
        .where(*within, ScheduleRun.outcome.is_not(None), seen(actor))
        .group_by(ScheduleRun.schedule_id)
        .order_by(first_at, ScheduleRun.schedule_id)
        .limit(each)
        .lateral()
    )  # fmt: skip
    named = aliased(Schedule)
    query = select(day.c.day, named.name, found).select_from(day).join(found, true())
    query = query.join(named, named.id == found.c.schedule_id).order_by(found.c.first_at, found.c.schedule_id)
    return session.execute(query.limit(most), execution_options=PLANNED_ANEW).all()
