"""Rules of runs, jobs and logs: the only writer of their tables.

A node's writes name their run; when the run is no longer the node's own and running they raise Fenced,
and the node stops what it does.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from gateway.core import queue
from gateway.core.clock import id_at, new_id, now
from gateway.core.errors import NotFound
from gateway.core.policy import Resource
from gateway.core.tracing import Span
from gateway.core.unit_of_work import Work
from gateway.features.nodes import placement
from gateway.features.nodes import service as nodes
from gateway.features.sessions import service_rest as rest
from gateway.features.settings import service as settings

from . import queries, state
from .models import Job, LogEntry, Run

EXECUTE = "tasks.run"
"""The queue's name for carrying out a run in the sandbox."""

ANSWER = "agents.run"
"""The queue's name for carrying out a run of a prompt."""

EXPORT = "runs.export"
"""The queue's name for telling an OpenTelemetry collector of a run."""


LogPiece = tuple[uuid.UUID | None, str, datetime, str]
"""Job, stream, time, message."""


TAKEN_UP_WITHIN = timedelta(hours=1)
"""How long the workspace of a lost run waits for the one that follows it."""

ANSWERED_AT_ONCE = 500
"""Pieces of an answer that are read together."""


SUSPENDED = {"code": "suspended", "message": "Its task waits for somebody; the next attempt goes on from here."}
"""The error of a run that has given its place up until somebody has answered."""

SUSPENDED_AT_MOST = timedelta(days=8)
"""How long the workspace of a suspended run is kept: a day more than the longest that an answer is waited for."""


class Fenced(Exception):
    """The run was taken over, canceled or finished: its former node may not write any more."""


class NotTaking(Exception):
    """The node was told to take nothing new after its queue had handed it the run."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A node's process wants a run: `holder` is the process, whatever the node's name."""

    run_id: uuid.UUID
    node_id: uuid.UUID
    holder: uuid.UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that is the process's own, with its jobs in order; `is_new` unless it has had it before."""

    run: Run
    jobs: Sequence[Job]
    is_new: bool


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Pieces of a run's log after number `after`; sent twice, because an answer was lost, they are stored once."""

    after: int
    pieces: Sequence[LogPiece]


def start(
    work: Work, *, owner_id: uuid.UUID, project_id: uuid.UUID | None, task_id: uuid.UUID, session_id: uuid.UUID | None,
    attempt: int, priority: int, units: Sequence[tuple[str, str | None]], job: str = EXECUTE,
    caused_by: Span | None = None, requires: dict[str, Any] | None = None, model: str | None = None,
    has_inputs: bool = False,
) -> uuid.UUID:  # fmt: skip
    """Makes a pending run with its jobs (`units`: kind and command of each), queued; returns its id.

    `requires`, `model` and whether it has files for inputs decide which nodes may take it.
    """
    run_id = new_id()
    place = placement.queue_of(requires, in_sandbox=job == EXECUTE, model=model, has_inputs=has_inputs)
    job_id = work.defer(job, {"run_id": str(run_id)}, queue=place, priority=priority)
    run = {
        "owner_id": owner_id, "project_id": project_id, "task_id": task_id, "session_id": session_id,
        "trace_id": caused_by and caused_by.trace_id, "parent_span_id": caused_by and caused_by.span_id,
        "queue": place, "queue_job_id": job_id, "requires": requires,
    }  # fmt: skip
    work.insert(Run, [{"id": run_id, "attempt": attempt, **run}])
    jobs = [{"position": position, "kind": kind, "command": command} for position, (kind, command) in enumerate(units)]
    work.insert(Job, [{"id": new_id(), "run_id": run_id, **job} for job in jobs])
    rest.stir(work, session_id)
    return run_id


def claimed(work: Work, claims: Sequence[Claim]) -> Callable[[], dict[uuid.UUID, Claimed | NotTaking]]:
    """Asks for runs that nodes' processes want. The answer has those that are pending, or are the process's already.

    NotTaking: the node was told to take nothing. Who begins what is new of it calls `begin_claimed`.
    """
    run_ids = [claim.run_id for claim in claims]
    found, jobs = queries.all_locked(work.session, run_ids), queries.jobs_of(work.session, run_ids)
    takes_work = {node_id: nodes.takes_work(work, node_id) for node_id in {claim.node_id for claim in claims}}

    def answers() -> dict[uuid.UUID, Claimed | NotTaking]:
        outcomes: dict[uuid.UUID, Claimed | NotTaking] = {}
        locked, jobs_of = found(), jobs()
        for claim in claims:
            run = locked.get(claim.run_id)
            if run is not None and (run.status == "pending" or _is_held(run, claim.holder)):
                is_new = run.status == "pending"
                may_begin = not is_new or takes_work[claim.node_id]()
                outcomes[run.id] = Claimed(run, jobs_of[run.id], is_new) if may_begin else NotTaking()
        return outcomes

    return answers


def begin_claimed(work: Work, claim: Claim, begun: Claimed) -> None:
    """A pending run is the process's own from now on."""
    run = begun.run
    run.node_id, run.holder = claim.node_id, claim.holder
    begin(run)
    emit(work, run, "run.started", {"attempt": run.attempt})
    work.save(run)


def begin(run: Run) -> None:
    """The run is carried out from now on."""
    assert state.may(state.RUN, run.status, "running"), f"run {run.status} -> running"
    run.status, run.started_at, run.version = "running", now(), run.version + 1
    run.start_id = id_at(run.started_at)


def hold(session: Session, run_id: uuid.UUID, holder: uuid.UUID) -> Run:
    """The run, locked, if this process still has it. Raises Fenced."""
    run = queries.locked(session, run_id)
    if run is None or not _is_held(run, holder):
        raise Fenced
    return run


def all_held(
    work: Work, holders: Mapping[uuid.UUID, uuid.UUID]
) -> Callable[[], dict[uuid.UUID, tuple[Run, list[Job]]]]:
    """Asks for those of these runs that the process named beside each still has, with their jobs that have not ended.

    The runs are locked; who changes runs or jobs saves them.
    """
    found = queries.all_locked(work.session, list(holders))
    jobs = queries.jobs_of(work.session, list(holders), only_open=True)

    def held() -> dict[uuid.UUID, tuple[Run, list[Job]]]:
        open_jobs = jobs()
        return {run.id: (run, open_jobs[run.id]) for run in found().values() if _is_held(run, holders[run.id])}

    return held


def _is_held(run: Run, holder: uuid.UUID) -> bool:
    return run.status == "running" and run.holder == holder


def finish(
    work: Work, run: Run, status: str, error: dict[str, str] | None = None, jobs: Sequence[Job] | None = None
) -> None:
    """Ends a run; jobs that never ran become skipped or canceled with it, and its sub-agents end with it.

    `jobs` are those of its jobs that have not ended, where the caller knows them.
    """
    close(work, run, status, error)
    for job in jobs if jobs is not None else queries.open_jobs(work.session, run.id):
        if job.status == "queued":
            job.status, job.ended_at = "canceled" if status == "canceled" else "skipped", now()
        elif job.status == "running":
            job.status, job.error, job.ended_at = "canceled" if status == "canceled" else "failed", error, now()
    if run.has_sub_agents:
        for below in queries.open_sub_agents(work.session, run.id):
            close(work, below, "canceled" if status == "canceled" else "failed", error)
            emit(work, below, f"run.{below.status}", {"attempt": below.attempt})
    emit(work, run, f"run.{status}", {"attempt": run.attempt})


def close(work: Work, run: Run, status: str, error: dict[str, str] | None = None) -> None:
    """The run is over; whoever collects traces is told."""
    assert state.may(state.RUN, run.status, status), f"run {run.status} -> {status}"
    run.status, run.error, run.ended_at = status, error, now()
    run.version += 1
    run.lease_until = None
    rest.stir(work, run.session_id)
    if settings.value(work, "otlp_endpoint"):
        work.defer(EXPORT, {"run_id": str(run.id)})


def heard_of(run: Run) -> None:
    """Whoever has the run gave a sign of life."""
    if run.lease_s is not None and run.status not in state.FINISHED:
        run.lease_until = now() + timedelta(seconds=run.lease_s)


def withdraw(work: Work, run: Run) -> None:
    """Cancels an open run; the node that has it is told to stop."""
    if run.queue_job_id is not None:
        queue.abort(work.session, run.queue_job_id)
    finish(work, run, "canceled", {"code": "canceled", "message": "Canceled on request."})


def leave_queued(work: Work, run_id: uuid.UUID, job: str, priority: int) -> None:
    """Puts a pending run, which a node was handed and may not take, where another finds it."""
    run = queries.locked(work.session, run_id)
    if run is not None and run.status == "pending":
        run.queue_job_id = work.defer(job, {"run_id": str(run_id)}, queue=run.queue, priority=priority)


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


def suspend(work: Work, run: Run) -> None:
    """Ends a run whose task waits for somebody: its node may take others meanwhile, and keeps its workspace."""
    finish(work, run, "canceled", SUSPENDED)


def is_suspended(work: Work, run_id: uuid.UUID | None) -> bool:
    """Whether that run was suspended, and nothing has come after it yet."""
    return run_id is not None and queries.error_code(work.session, run_id) == SUSPENDED["code"]


def give_up_suspended(work: Work, run_id: uuid.UUID | None) -> None:
    """Nothing will go on from a run that was suspended: its workspace need not be kept."""
    run = queries.locked(work.session, run_id) if run_id is not None else None
    if run is not None and run.error == SUSPENDED:
        run.error = {"code": "canceled", "message": "Canceled on request."}
        run.version += 1


def held_by(work: Work, holder: uuid.UUID) -> set[uuid.UUID]:
    """The runs that are a node process's own; whatever else it does, it should stop."""
    return queries.held_by(work.session, holder)


def done_with(work: Work, run_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `run_ids` that no node carries out, and no run that follows one may want to go on from."""
    return run_ids - queries.wanted(
        work.session, run_ids, lost_after=now() - TAKEN_UP_WITHIN, suspended_after=now() - SUSPENDED_AT_MOST
    )


def losses(work: Work, task_id: uuid.UUID) -> int:
    """How many of a task's latest runs in a row lost their node."""
    return queries.losses_in_a_row(work.session, task_id)


def lost_before(work: Work, task_id: uuid.UUID, run_id: uuid.UUID) -> list[uuid.UUID]:
    """The runs that this one takes up: those just before it, in a row, that lost their node or were suspended."""
    return queries.lost_before(work.session, task_id, run_id)


def stalled(work: Work, seconds: float) -> Sequence[Row[uuid.UUID, str, int | None, str | None]]:
    """Open runs that nobody carries out: run, its status, its place in the queue and that place's status."""
    return queries.stalled(work.session, seconds)


def begin_job(work: Work, run: Run, job: Job) -> None:
    """A job of a held run starts."""
    assert state.may(state.JOB, job.status, "running")
    job.status, job.started_at = "running", now()
    emit(work, run, "job.started", {"job_id": str(job.id), "position": job.position})


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
    emit(work, run, name, {"job_id": str(job.id), "position": job.position, "exit_code": exit_code})


def visible(work: Work, **filters: Any) -> Select[Run]:
    """The runs the caller may see, to be paged."""
    work.allow("runs.read", Resource("runs", listed=True))
    return queries.filtered(work.actor, **filters)


def newest(work: Work, status: str | None, most: int) -> list[Run]:
    """The newest runs the caller may see, of one status or of all."""
    work.allow("runs.read", Resource("runs", listed=True))
    found = queries.visible(work.actor)
    if status is not None:
        found = found.where(Run.status == status)
    return list(work.session.scalars(found.order_by(Run.id.desc()).limit(most)))


def get(work: Work, run_id: uuid.UUID) -> Run:
    """One run. Raises NotFound."""
    run = queries.one(work.session, work.actor, run_id)
    if run is None:
        raise NotFound("There is no such run, or it is not yours.")
    work.allow("runs.read", run.as_resource)
    return run


def for_change(work: Work, run_id: uuid.UUID, action: str = "runs.update") -> Run:
    """One run, locked, to be changed by `action`. Raises NotFound."""
    run = queries.one_locked(work.session, work.actor, run_id)
    if run is None:
        raise NotFound("There is no such run, or it is not yours.")
    work.allow(action, run.as_resource)
    return run


def get_job(work: Work, job_id: uuid.UUID) -> Job:
    """One job. Raises NotFound."""
    found = queries.job(work.session, work.actor, job_id)
    if found is None:
        raise NotFound("There is no such job, or it is not yours.")
    work.allow("runs.read", found[1].as_resource)
    return found[0]


def answered(work: Work, run_id: uuid.UUID, seq: int) -> Sequence[LogEntry]:
    """What a run has answered after number `seq` of its log, for whoever has ordered it."""
    return queries.logs_after(work.session, run_id, seq, ANSWERED_AT_ONCE, "answer")


def logged(work: Work, run_id: uuid.UUID, seq: int) -> Sequence[LogEntry]:
    """What a run has logged after number `seq`, for whoever has ordered it."""
    return queries.logs_after(work.session, run_id, seq, ANSWERED_AT_ONCE)


def was_cut(work: Work, run_id: uuid.UUID) -> bool:
    """Whether something that a run wrote was longer than is kept or than a model may write."""
    return any(job.truncated for job in queries.jobs(work.session, run_id))


def is_at_work(work: Work, session_id: uuid.UUID) -> bool:
    """Whether a node has to do with a session, or is about to; for whoever works on its owner's behalf."""
    return queries.is_at_work(work.session, session_id)


def held_by_task(work: Work, run_id: uuid.UUID | None) -> Run | None:
    """A task's run, locked, if it is still open; whoever calls has locked the task."""
    run = queries.locked(work.session, run_id) if run_id is not None else None
    return run if run is not None and run.status not in state.FINISHED else None


def jobs_of(work: Work, run_id: uuid.UUID) -> list[Job]:
    """A run's jobs in order; whoever calls has decided about the run."""
    return queries.jobs(work.session, run_id)


def job_at(work: Work, run_id: uuid.UUID, position: int) -> Job:
    """One job of a held run."""
    job = queries.job_at(work.session, run_id, position)
    assert job is not None
    return job


def emit(work: Work, run: Run, name: str, data: dict[str, Any]) -> None:
    """An event about a run."""
    work.emit(
        name, owner_id=run.owner_id, task_id=run.task_id, run_id=run.id, project_id=run.project_id,
        data={"run_id": str(run.id), **data},
    )  # fmt: skip
