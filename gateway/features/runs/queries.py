"""Every select on runs, jobs and logs."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select, text
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Job, LogEntry, Run

# Built once: every run of a task needs them several times.
_LOCKED = select(Run).where(Run.id == bindparam("run_id")).with_for_update()
_TASK_ID = select(Run.task_id).where(Run.id == bindparam("run_id"))
_JOBS = select(Job).where(Job.run_id == bindparam("run_id")).order_by(Job.position)


def visible(actor: Actor) -> Select[Run]:
    """The runs the actor may see."""
    return select(Run).where(_seen_by(actor))


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    return seen_by(actor, "runs.read", owner=Run.owner_id, project=Run.project_id, key=Run.id)


def filtered(
    actor: Actor,
    *,
    task_id: uuid.UUID | None,
    job_id: uuid.UUID | None,
    session_id: uuid.UUID | None,
    parent_run_id: uuid.UUID | None,
    status: str | None,
    started_after: datetime | None,
    started_before: datetime | None,
) -> Select[Run]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if task_id is not None:
        query = query.where(Run.task_id == task_id)
    if job_id is not None:
        query = query.where(Run.id == select(Job.run_id).where(Job.id == job_id).scalar_subquery())
    if session_id is not None:
        query = query.where(Run.session_id == session_id)
    if parent_run_id is not None:
        query = query.where(Run.parent_run_id == parent_run_id)
    if status is not None:
        query = query.where(Run.status == status)
    if started_after is not None:
        query = query.where(Run.started_at > started_after)
    return query.where(Run.started_at < started_before) if started_before is not None else query


def one(session: Session, actor: Actor, run_id: uuid.UUID) -> Run | None:
    """A run the actor may see."""
    return session.scalar(visible(actor).where(Run.id == run_id))


def locked(session: Session, run_id: uuid.UUID) -> Run | None:
    """A run, locked against every other writer."""
    return session.scalar(_LOCKED, {"run_id": run_id})


def held_by(session: Session, holder: uuid.UUID) -> set[uuid.UUID]:
    """The runs a node's process carries out, as far as the records go."""
    return set(session.scalars(select(Run.id).where(Run.status == "running", Run.holder == holder)))


def running(session: Session, run_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `run_ids` that some node carries out."""
    return (
        set(session.scalars(select(Run.id).where(Run.status == "running", Run.id.in_(run_ids)))) if run_ids else set()
    )


def task_id(session: Session, run_id: uuid.UUID) -> uuid.UUID | None:
    """The task a run belongs to."""
    return session.scalar(_TASK_ID, {"run_id": run_id})


def losses_in_a_row(session: Session, task_id: uuid.UUID, most: int = 50) -> int:
    """How many of the task's newest runs ended because their node was lost."""
    query = select(Run.error["code"].astext).where(Run.task_id == task_id, Run.status != "pending")
    codes = session.scalars(query.order_by(Run.id.desc()).limit(most)).all()
    return next((count for count, code in enumerate(codes) if code != "node_lost"), len(codes))


def lost_before(session: Session, task_id: uuid.UUID, run_id: uuid.UUID, most: int = 50) -> list[uuid.UUID]:
    """The runs of the task, just before this one and in a row, that ended because their node was lost."""
    query = select(Run.id, Run.error["code"].astext).where(Run.task_id == task_id, Run.id < run_id)
    rows = session.execute(query.order_by(Run.id.desc()).limit(most)).all()
    return [id_ for id_, _ in takewhile(lambda row: row[1] == "node_lost", rows)]


def job(session: Session, actor: Actor, job_id: uuid.UUID) -> Row[Job, Run] | None:
    """A job of a run the actor may see."""
    query = select(Job, Run).join(Run, Run.id == Job.run_id).where(Job.id == job_id, _seen_by(actor))
    return session.execute(query).first()


def jobs(session: Session, run_id: uuid.UUID) -> list[Job]:
    """A run's jobs in order."""
    return list(session.scalars(_JOBS, {"run_id": run_id}))


def job_at(session: Session, run_id: uuid.UUID, position: int) -> Job | None:
    """A run's job by its place."""
    return session.scalar(select(Job).where(Job.run_id == run_id, Job.position == position))


def logs(run_id: uuid.UUID, stream: str | None) -> Select[LogEntry]:
    """A run's log."""
    query = select(LogEntry).where(LogEntry.run_id == run_id)
    return query.where(LogEntry.stream == stream) if stream is not None else query


def logs_after(session: Session, run_id: uuid.UUID, seq: int, limit: int) -> list[LogEntry]:
    """The next pieces of a run's log."""
    query = logs(run_id, None).where(LogEntry.seq > seq).order_by(LogEntry.seq).limit(limit)
    return list(session.scalars(query))


def depth(session: Session, actor: Actor) -> Sequence[Row[str, uuid.UUID | None, int, datetime]]:
    """Open runs counted by status and node, with the oldest creation time of each group."""
    query = select(Run.status, Run.node_id, func.count(), func.min(Run.created_at)).where(
        Run.status.in_(("pending", "running")), _seen_by(actor)
    )
    return session.execute(query.group_by(Run.status, Run.node_id)).all()


STALLED = text("""
    SELECT runs.id, runs.status, job.id AS job_id, job.status::text AS job_status
      FROM runs
      LEFT JOIN procrastinate_jobs job ON job.id = runs.queue_job_id
      LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
     WHERE runs.status IN ('pending', 'running')
       AND runs.queue_job_id IS NOT NULL
       AND (job.id IS NULL
            OR (job.status = 'todo' AND runs.status = 'running')
            OR (job.status = 'doing'
                AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :seconds))))
     ORDER BY runs.id
     LIMIT 500
""")


def stalled(session: Session, seconds: float) -> Sequence[Row[uuid.UUID, str, int | None, str | None]]:
    """Open runs whose place in the queue is gone or held by a worker not heard of for `seconds`."""
    return session.execute(STALLED, {"seconds": seconds}).all()
