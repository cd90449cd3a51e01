"""What of runs and logs is at rest, and may be purged by a policy."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import UUID, Select, column, delete, exists, literal, select, table, text
from sqlalchemy.orm import Session

from . import state
from .models import LogEntry, Run

# The run that shows a task's outcome goes with its task, in the room above.
_TASKS = table("tasks", column("id", UUID(as_uuid=True)), column("run_id", UUID(as_uuid=True)))

_FINISHED = Run.status.in_(sorted(state.FINISHED))

_DROP_LOGS = text("""
    DELETE FROM run_logs
     WHERE (run_id, seq) IN (SELECT run_id, seq FROM run_logs WHERE run_id = ANY(:runs) LIMIT :most)
""")


def runs() -> Select[Any]:
    """Finished runs whose outcome is not their task's."""
    shows_its_task = exists().where(_TASKS.c.id == Run.task_id, _TASKS.c.run_id == Run.id)
    size = literal(200).label("bytes")
    return _rows(size).where(_FINISHED, ~shows_its_task)


def logs() -> Select[Any]:
    """The logs of finished runs that have one; their id is the run's."""
    has_one = exists().where(LogEntry.run_id == Run.id)
    return _rows(Run.log_bytes.label("bytes")).where(_FINISHED, Run.log_seq > 0, has_one)


def _rows(size: Any) -> Select[Any]:
    return select(Run.id, Run.ended_at.label("time"), size, Run.owner_id, Run.project_id)


def of_tasks(session: Session, task_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """The runs of these tasks."""
    return session.scalars(select(Run.id).where(Run.task_id.in_(task_ids))).all()


def drop_logs(session: Session, run_ids: Sequence[uuid.UUID], most: int) -> int:
    """Deletes up to `most` pieces of the logs of these runs; returns how many."""
    gone: Any = session.execute(_DROP_LOGS, {"runs": list(run_ids), "most": most})
    return int(gone.rowcount)


def drop(session: Session, run_ids: Sequence[uuid.UUID]) -> None:
    """Deletes runs with what is left of them."""
    session.execute(delete(Run).where(Run.id.in_(run_ids)).execution_options(synchronize_session=False))
