"""Rules of runs and jobs: the only writer of their tables.

Which process has a run is decided in `service_holding.py`, what is in its log in `service_logs.py`.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select

from gateway.core import queue
from gateway.core.clock import id_at, new_id, now
from gateway.core.errors import NotFound
from gateway.core.policy import Resource
from gateway.core.tracing import Span
from gateway.core.unit_of_work import Work
from gateway.features.nodes import placement
from gateway.features.sessions import service_rest as rest
from gateway.features.settings import service as settings

from . import queries, state
from .models import Job, Run

EXECUTE = "tasks.run"
"""The queue's name for carrying out a run in the sandbox."""

ANSWER = "agents.run"
"""The queue's name for carrying out a run of a prompt."""

EXPORT = "runs.export"
"""The queue's name for telling an OpenTelemetry collector of a run."""

SUSPENDED = {"code": "suspended", "message": "Its task waits for somebody; the next attempt goes on from here."}
"""The error of a run that has given its place up until somebody has answered."""


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


def begin(run: Run) -> None:
    """The run is carried out from now on."""
    assert state.may(state.RUN, run.status, "running"), f"run {run.status} -> running"
    run.status, run.started_at, run.version = "running", now(), run.version + 1
    run.start_id = id_at(run.started_at)


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


def reprioritise(work: Work, run_id: uuid.UUID | None, priority: int) -> None:
    """Moves a run that still waits in the queue."""
    run = queries.locked(work.session, run_id) if run_id is not None else None
    if run is not None and run.queue_job_id is not None:
        queue.reprioritise(work.session, run.queue_job_id, priority)


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
