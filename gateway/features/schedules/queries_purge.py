"""What came of planned times, as policies purge it."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, delete, func, literal, select
from sqlalchemy.orm import Session

from .models import Schedule, ScheduleRun

ROW = 250
"""Bytes of a planned time with its indexes, roughly."""


def runs() -> Select[Any]:
    """What nothing waits for any more. It rests since its task was made, or since its time where none was."""
    is_open = and_(ScheduleRun.task_id.is_not(None), ScheduleRun.result.is_(None))
    columns: list[Any] = [
        ScheduleRun.id,
        func.coalesce(ScheduleRun.fired_at, ScheduleRun.planned_at).label("time"),
        literal(ROW).label("bytes"),
        Schedule.owner_id,
        Schedule.project_id,
    ]
    joined = select(*columns).join(Schedule, Schedule.id == ScheduleRun.schedule_id)
    return joined.where(ScheduleRun.outcome.is_not(None), ~is_open)


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Deletes planned times."""
    session.execute(delete(ScheduleRun).where(ScheduleRun.id.in_(ids)).execution_options(synchronize_session=False))
