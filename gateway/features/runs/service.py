"""Rules of runs, jobs and logs: the only writer of their tables.

A node's writes name their run; when the run is no longer the node's own and running they raise Fenced,
and the node stops what it does.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, update
from sqlalchemy.orm import Session

from gateway.core import queue
from gateway.core.clock import new_id, now
from gateway.core.errors import NotFound
from gateway.core.paging import page
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.nodes import service as nodes

from . import queries, state
from .models import Job, LogEntry, Run
from .schemas import Depth, QueueOut

EXECUTE = "tasks.run"
"""The queue's name for carrying out a run in the sandbox."""

ANSWER = "agents.run"
"""The queue's name for carrying out a run of a prompt."""


LogPiece = tuple[uuid.UUID | None, str, datetime, str]
"""Job, stream, time, message."""


class Fenced(Exception):
    """The run was taken over, canceled or finished: its former node may not write any more."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Pieces of a run's log after number `after`; sent twice, because an answer was lost, they are stored once."""

    after: int
    pieces: Sequence[LogPiece]


def start(
    work: Work, *, owner_id: uuid.UUID, project_id: uuid.UUID | None, task_id: uuid.UUID, session_id: uuid.UUID | None,
    attempt: int, priority: int, units: Sequence[tuple[str, str | None]], job: str = EXECUTE,
) -> uuid.UUID:  # fmt: skip
    """Makes a pending run with its jobs (`units`: kind and command of each), queued; returns its id."""
    run_id = new_id()
    job_id = work.defer(job, {"run_id": str(run_id)}, priority=priority)
    run = {"owner_id": owner_id, "project_id": project_id, "task_id": task_id, "session_id": session_id}
    work.insert(Run, [{"id": run_id, "queue_job_id": job_id, "attempt": attempt, **run}])
    jobs = [{"position": position, "kind": kind, "command": command} for position, (kind, command) in enumerate(units)]
    work.insert(Job, [{"id": new_id(), "run_id": run_id, **job} for job in jobs])
    return run_id


def claim(work: Work, run_id: uuid.UUID, node_id: uuid.UUID, holder: uuid.UUID) -> tuple[Run, bool]:
    """Gives a pending run to a node's process; the second value is False where it has had it before.

    Raises Fenced when the run is another's or has ended.
    """
    run = queries.locked(work.session, run_id)
    if run is None or run.status != "pending":
        return hold(work.session, run_id, holder), False
    run.status, run.node_id, run.holder, run.started_at = "running", node_id, holder, now()
    _emit(work, run, "run.started", {"attempt": run.attempt})
    return run, True


def hold(session: Session, run_id: uuid.UUID, holder: uuid.UUID) -> Run:
    """The run, locked, if this process still has it. Raises Fenced."""
    run = queries.locked(session, run_id)
    if run is None or run.status != "running" or run.holder != holder:
        raise Fenced
    return run


def finish(work: Work, run: Run, status: str, error: dict[str, str] | None = None) -> None:
    """Ends a run; jobs that never ran become skipped or canceled with it."""
    assert state.may(state.RUN, run.status, status), f"run {run.status} -> {status}"
    run.status, run.error, run.ended_at = status, error, now()
    rest = "canceled" if status == "canceled" else "skipped"
    work.session.execute(
        update(Job).where(Job.run_id == run.id, Job.status == "queued").values(status=rest, ended_at=now())
    )
    work.session.execute(
        update(Job)
        .where(Job.run_id == run.id, Job.status == "running")
        .values(status="canceled" if status == "canceled" else "failed", error=error, ended_at=now())
    )
    _emit(work, run, f"run.{status}", {"attempt": run.attempt})


def withdraw(work: Work, run: Run) -> None:
    """Cancels an open run; the node that has it is told to stop."""
    if run.queue_job_id is not None:
        queue.abort(work.session, run.queue_job_id)
    finish(work, run, "canceled", {"code": "canceled", "message": "Canceled on request."})


def reprioritise(work: Work, run_id: uuid.UUID | None, priority: int) -> None:
    """Moves a run that still waits in the queue."""
    run = queries.locked(work.session, run_id) if run_id is not None else None
    if run is not None and run.queue_job_id is not None:
        queue.reprioritise(work.session, run.queue_job_id, priority)


def lose(work: Work, run: Run) -> None:
    """Ends a run whose node is gone; its place in the queue goes with it."""
    if run.queue_job_id is not None:
        queue.forget(work.session, run.queue_job_id)
    finish(work, run, "failed", {"code": "node_lost", "message": "The node that had this run is gone."})


def held_by(work: Work, holder: uuid.UUID) -> set[uuid.UUID]:
    """The runs that are a node process's own; whatever else it does, it should stop."""
    return queries.held_by(work.session, holder)


def not_running(work: Work, run_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `run_ids` that no node carries out, as far as the records go."""
    return run_ids - queries.running(work.session, run_ids)


def losses(work: Work, task_id: uuid.UUID) -> int:
    """How many of a task's latest runs in a row lost their node."""
    return queries.losses_in_a_row(work.session, task_id)


def lost_before(work: Work, task_id: uuid.UUID, run_id: uuid.UUID) -> list[uuid.UUID]:
    """The runs that this one takes up: those just before it, in a row, that lost their node."""
    return queries.lost_before(work.session, task_id, run_id)


def stalled(work: Work, seconds: float) -> Sequence[Row[uuid.UUID, str, int | None, str | None]]:
    """Open runs that nobody carries out: run, its status, its place in the queue and that place's status."""
    return queries.stalled(work.session, seconds)


def task_of(session: Session, run_id: uuid.UUID) -> uuid.UUID | None:
    """The task a run belongs to, without locking anything."""
    return queries.task_id(session, run_id)


def begin_job(work: Work, run: Run, job: Job) -> None:
    """A job of a held run starts."""
    assert state.may(state.JOB, job.status, "running")
    job.status, job.started_at = "running", now()
    _emit(work, run, "job.started", {"job_id": str(job.id), "position": job.position})


def end_job(
    work: Work, run: Run, job: Job, status: str, *, exit_code: int | None = None, stdout: str = "", stderr: str = "",
    truncated: bool = False, error: dict[str, str] | None = None, started_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> None:  # fmt: skip
    """A job of a held run ends with what it wrote."""
    assert state.may(state.JOB, job.status, status)
    job.status, job.exit_code, job.error = status, exit_code, error
    job.stdout, job.stderr, job.truncated = stdout, stderr, truncated
    job.started_at, job.ended_at = started_at or job.started_at, ended_at or now()
    name = "job.completed" if status == "completed" else "job.failed"
    _emit(work, run, name, {"job_id": str(job.id), "position": job.position, "exit_code": exit_code})


def append_log(work: Work, run: Run, batch: LogBatch) -> None:
    """Adds what is new in a batch to a held run's log."""
    entries = batch.pieces[run.log_seq - batch.after :]
    if not entries:
        return
    names = ("seq", "job_id", "stream", "time", "message")
    numbered = ((seq, *entry) for seq, entry in enumerate(entries, run.log_seq + 1))
    work.insert(LogEntry, [{"run_id": run.id, **dict(zip(names, row, strict=True))} for row in numbered])
    run.log_seq += len(entries)
    _emit(work, run, "job.progress", {"log_seq": run.log_seq})


def visible(work: Work, **filters: Any) -> Select[Run]:
    """The runs the caller may see, to be paged."""
    work.allow("runs.read", Resource("runs", listed=True))
    return queries.filtered(work.actor, **filters)


def get(work: Work, run_id: uuid.UUID) -> Run:
    """One run. Raises NotFound."""
    run = queries.one(work.session, work.actor, run_id)
    if run is None:
        raise NotFound("There is no such run, or it is not yours.")
    work.allow("runs.read", Resource("runs", run.id, run.owner_id, run.project_id))
    return run


def get_job(work: Work, job_id: uuid.UUID) -> Job:
    """One job. Raises NotFound."""
    found = queries.job(work.session, work.actor, job_id)
    if found is None:
        raise NotFound("There is no such job, or it is not yours.")
    work.allow("runs.read", Resource("runs", found[1].id, found[1].owner_id, found[1].project_id))
    return found[0]


def log_page(
    work: Work,
    task_id: uuid.UUID,
    run_id: uuid.UUID | None,
    *,
    stream: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[LogEntry], str | None]:
    """A page of the log of one of a task's runs. Raises NotFound for a run of another task."""
    if run_id is None:
        return [], None
    if get(work, run_id).task_id != task_id:
        raise NotFound("The task has no such run.")
    query = queries.logs(run_id, stream)
    return page(work.session, query, LogEntry.seq, limit=limit, cursor=cursor, oldest_first=True)


def held_by_task(work: Work, run_id: uuid.UUID | None) -> Run | None:
    """A task's run, locked, if it is still open; whoever calls has locked the task."""
    run = queries.locked(work.session, run_id) if run_id is not None else None
    return run if run is not None and run.status not in state.FINISHED else None


def log_of(work: Work, run_id: uuid.UUID, stream: str | None) -> Select[LogEntry]:
    """A run's log, to be paged oldest first. Raises NotFound."""
    return queries.logs(get(work, run_id).id, stream)


def queue_depth(work: Work) -> QueueOut:
    """Open runs of the caller by state, queue and node."""
    work.allow("queue.read", Resource("queue"))
    by_state: dict[str, int] = {"pending": 0, "running": 0}
    by_node: dict[str, int] = {}
    oldest = None
    names = nodes.names(work)
    for status, node_id, count, since in queries.depth(work.session, work.actor):
        by_state[status] += count
        if node_id is not None:
            by_node[names[node_id]] = by_node.get(names[node_id], 0) + count
        if status == "pending":
            oldest = since if oldest is None else min(oldest, since)
    return QueueOut(
        depth=Depth(by_state=by_state, by_queue={queue.QUEUE: sum(by_state.values())}, by_node=by_node),
        oldest_age_s=(now() - oldest).total_seconds() if oldest else None,
        schedules={},
    )


def jobs_of(work: Work, run_id: uuid.UUID) -> list[Job]:
    """A run's jobs in order; whoever calls has decided about the run."""
    return queries.jobs(work.session, run_id)


def job_at(work: Work, run_id: uuid.UUID, position: int) -> Job:
    """One job of a held run."""
    job = queries.job_at(work.session, run_id, position)
    assert job is not None
    return job


def _emit(work: Work, run: Run, name: str, data: dict[str, Any]) -> None:
    work.emit(
        name, owner_id=run.owner_id, task_id=run.task_id, run_id=run.id, project_id=run.project_id,
        data={"run_id": str(run.id), **data},
    )  # fmt: skip
