"""Every select on runs, jobs and logs."""

import uuid
from collections.abc import Callable, Collection, Sequence, Set
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, func, or_, select, text, union_all
from sqlalchemy.dialects.postgresql import UUID, distinct_on
from sqlalchemy.orm import Session, aliased

from gateway.core.clock import first_id_at, last_id_at, now
from gateway.core.driver.fixed_queries import FixedQuery, any_of
from gateway.core.driver.storing import columns_of, entity
from gateway.core.identity import Actor
from gateway.core.tracing import span_id
from gateway.core.visibility import seen_by

from .models import CHOOSY, Job, LogEntry, Run
from .schemas import LogQuery

MOST_OF_TRACE = 500
"""Runs of one trace that are looked through for a span."""

# Built once: every run of a task needs them several times.
_LOCKED = select(Run).where(Run.id == bindparam("run_id")).with_for_update()
_RUN_IDS = any_of("run_ids", UUID())
_ALL_LOCKED = FixedQuery(select(*columns_of(Run)).where(Run.id == _RUN_IDS).order_by(Run.id).with_for_update())
_JOBS = select(Job).where(Job.run_id == bindparam("run_id")).order_by(Job.position)
_JOBS_OF = select(*columns_of(Job, "stdout", "stderr")).where(Job.run_id == _RUN_IDS).order_by(Job.run_id, Job.position)
_ALL_JOBS = FixedQuery(_JOBS_OF)
_OPEN_JOBS = FixedQuery(_JOBS_OF.where(or_(Job.status == "queued", Job.status == "running")))


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
        query = query.where(Run.start_id >= first_id_at(started_after), Run.started_at > started_after)
    if started_before is not None:
        query = query.where(Run.start_id <= last_id_at(started_before), Run.started_at < started_before)
    return query


def one(session: Session, actor: Actor, run_id: uuid.UUID) -> Run | None:
    """A run the actor may see."""
    return session.scalar(visible(actor).where(Run.id == run_id))


def one_locked(session: Session, actor: Actor, run_id: uuid.UUID) -> Run | None:
    """A run the actor may see, locked against every other writer."""
    query = visible(actor).where(Run.id == run_id).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def locked(session: Session, run_id: uuid.UUID) -> Run | None:
    """A run, locked against every other writer."""
    return session.scalar(_LOCKED, {"run_id": run_id})


def all_locked(session: Session, run_ids: Collection[uuid.UUID]) -> Callable[[], dict[uuid.UUID, Run]]:
    """Asks for those of these runs that are there, locked in the order of their ids."""
    answer = _ALL_LOCKED.ask(session, run_ids=list(run_ids))
    return lambda: {row.id: entity(Run, row) for row in answer.rows()}


def held_by(session: Session, holder: uuid.UUID) -> set[uuid.UUID]:
    """The runs a node's process carries out, as far as the records go."""
    return set(session.scalars(select(Run.id).where(Run.status == "running", Run.holder == holder)))


def wanted(
    session: Session, run_ids: set[uuid.UUID], *, lost_after: datetime, suspended_after: datetime
) -> set[uuid.UUID]:
    """Those of `run_ids` that some node carries out, that lost their node since then, or were suspended since then.

    Of those that were suspended not the ones whose task has had a whole run since.
    """
    code, later = Run.error["code"].astext, aliased(Run)
    is_lost = and_(code == "node_lost", Run.ended_at > lost_after)
    went_on = exists().where(later.task_id == Run.task_id, later.id > Run.id, later.ended_at.is_not(None))
    is_suspended = and_(code == "suspended", Run.ended_at > suspended_after, ~went_on)
    query = select(Run.id).where(Run.id.in_(run_ids), or_(Run.status == "running", is_lost, is_suspended))
    return set(session.scalars(query)) if run_ids else set()


def losses_in_a_row(session: Session, task_id: uuid.UUID, most: int = 50) -> int:
    """How many of the task's newest runs ended because their node was lost."""
    query = select(Run.error["code"].astext).where(Run.task_id == task_id, Run.status != "pending")
    codes = session.scalars(query.order_by(Run.id.desc()).limit(most)).all()
    return next((count for count, code in enumerate(codes) if code != "node_lost"), len(codes))


def lost_before(session: Session, task_id: uuid.UUID, run_id: uuid.UUID, most: int = 50) -> list[uuid.UUID]:
    """The runs of the task, just before this one and in a row, that lost their node or were suspended."""
    query = select(Run.id, Run.error["code"].astext).where(Run.task_id == task_id, Run.id < run_id)
    rows = session.execute(query.order_by(Run.id.desc()).limit(most)).all()
    return [id_ for id_, _ in takewhile(lambda row: row[1] in ("node_lost", "suspended"), rows)]


def error_code(session: Session, run_id: uuid.UUID) -> str | None:
    """Why a run did not end well."""
    return session.scalar(select(Run.error["code"].astext).where(Run.id == run_id))


def job(session: Session, actor: Actor, job_id: uuid.UUID) -> Row[Job, Run] | None:
    """A job of a run the actor may see."""
    query = select(Job, Run).join(Run, Run.id == Job.run_id).where(Job.id == job_id, _seen_by(actor))
    return session.execute(query).first()


def jobs(session: Session, run_id: uuid.UUID) -> list[Job]:
    """A run's jobs in order."""
    return list(session.scalars(_JOBS, {"run_id": run_id}))


def jobs_of(
    session: Session, run_ids: Collection[uuid.UUID], *, only_open: bool = False
) -> Callable[[], dict[uuid.UUID, list[Job]]]:
    """Asks for the jobs of each of these runs, or for those that have not ended: in order, without their output."""
    answer = (_OPEN_JOBS if only_open else _ALL_JOBS).ask(session, run_ids=list(run_ids))

    def by_run() -> dict[uuid.UUID, list[Job]]:
        found: dict[uuid.UUID, list[Job]] = {run_id: [] for run_id in run_ids}
        for row in answer.rows():
            found[row.run_id].append(entity(Job, row))
        return found

    return by_run


def open_jobs(session: Session, run_id: uuid.UUID) -> Sequence[Job]:
    """A run's jobs that have not ended, in order."""
    query = select(Job).where(Job.run_id == run_id, Job.status.in_(("queued", "running"))).order_by(Job.position)
    return session.scalars(query).all()


def job_at(session: Session, run_id: uuid.UUID, position: int) -> Job | None:
    """A run's job by its place."""
    return session.scalar(select(Job).where(Job.run_id == run_id, Job.position == position))


def logs(run_id: uuid.UUID, stream: str | None = None) -> Select[LogEntry]:
    """A run's log."""
    query = select(LogEntry).where(LogEntry.run_id == run_id)
    return query.where(LogEntry.stream == stream) if stream is not None else query


def logs_within(run_id: uuid.UUID, first: int, last: int, wanted: LogQuery) -> Select[LogEntry]:
    """What is wanted of the entries `first` to `last` of a run's log."""
    query = logs(run_id, wanted.stream).where(LogEntry.seq.between(first, last))
    if wanted.written_after is not None:
        query = query.where(LogEntry.time > wanted.written_after)
    if wanted.written_before is not None:
        query = query.where(LogEntry.time < wanted.written_before)
    if wanted.q is not None:
        query = query.where(func.strpos(func.lower(LogEntry.message), wanted.q.lower()) > 0)
    return query


def of_trace(session: Session, actor: Actor, trace_id: str, span_ids: Set[str]) -> Run | None:
    """The run of a trace whose log the actor may add to, locked: the one with such a span, else the newest.

    The trace of a run is the one it was begun in, its task, or the run itself.
    """
    as_id = uuid.UUID(trace_id)
    may_write = seen_by(actor, "runs.write_logs", owner=Run.owner_id, project=Run.project_id, key=Run.id)
    ways = (Run.trace_id == trace_id, Run.task_id == as_id, Run.id == as_id)
    newest = (select(Run.id).where(way).order_by(Run.id.desc()).limit(MOST_OF_TRACE).subquery() for way in ways)
    ids = union_all(*(select(each.c.id) for each in newest)).subquery()
    found = session.scalars(select(Run.id).where(Run.id.in_(select(ids.c.id)), may_write).order_by(Run.id.desc())).all()
    chosen = next((run_id for run_id in found if span_id(run_id) in span_ids), found[0] if found else None)
    return locked(session, chosen) if chosen is not None else None


def lease_over(session: Session, most: int) -> Sequence[uuid.UUID]:
    """Open runs of tools that have not been heard of for as long as they said; those that somebody holds wait."""
    query = select(Run.id).where(Run.status.in_(("pending", "running")), Run.lease_until <= now())
    return session.scalars(query.order_by(Run.lease_until).limit(most).with_for_update(skip_locked=True)).all()


def external_since(session: Session, session_id: uuid.UUID, since: datetime, most: int) -> Sequence[Run]:
    """The newest runs of tools in a session that were made, began or ended since then, the latest first."""
    last = func.coalesce(Run.ended_at, Run.started_at, Run.created_at)
    query = select(Run).where(Run.session_id == session_id, Run.kind == "external", last > since)
    return session.scalars(query.order_by(Run.id.desc()).limit(most)).all()


def is_at_work(session: Session, session_id: uuid.UUID) -> bool:
    """Whether some node has to do with a session, or is about to."""
    of = (Run.session_id == session_id, Run.kind != "external", Run.status.in_(("pending", "running")))
    return session.scalar(select(Run.id).where(*of).limit(1)) is not None


def open_sub_agents(session: Session, run_id: uuid.UUID) -> list[Run]:
    """What sub-agents of a run still do, below one another too."""
    open_ones = (Run.kind == "agent", Run.status.in_(("pending", "running")))
    below = select(Run.id).where(Run.parent_run_id == run_id, *open_ones).cte("below", recursive=True)
    below = below.union(select(Run.id).where(*open_ones).join(below, Run.parent_run_id == below.c.id))
    return list(session.scalars(select(Run).where(Run.id.in_(select(below.c.id))).with_for_update()))


def logs_after(session: Session, run_id: uuid.UUID, seq: int, limit: int, stream: str | None = None) -> list[LogEntry]:
    """The next pieces of a run's log."""
    query = logs(run_id, stream).where(LogEntry.seq > seq).order_by(LogEntry.seq).limit(limit)
    return list(session.scalars(query))


def choosy(session: Session, most: int = 200) -> list[tuple[str, dict[str, Any] | None]]:
    """The queues, beside the common ones, in which runs wait, with what is required there."""
    one_each = select(Run.queue, Run.requires).ext(distinct_on(Run.queue)).where(text(CHOOSY))
    query = one_each.order_by(Run.queue).limit(most)
    return [(row.queue, row.requires) for row in session.execute(query)]


def depth(session: Session, actor: Actor) -> Sequence[Row[str, uuid.UUID | None, str, int, datetime]]:
    """Open runs that go through the queue, by status, node and queue, with the oldest creation time of each group."""
    query = select(Run.status, Run.node_id, Run.queue, func.count(), func.min(Run.created_at)).where(
        Run.kind == "task", Run.status.in_(("pending", "running")), _seen_by(actor)
    )
    return session.execute(query.group_by(Run.status, Run.node_id, Run.queue)).all()


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
