"""What a node does with tasks: begin a run, report its jobs and log, end it, take over a lost one.

Locks are always taken in the order task, run; every write first makes sure that the node still has the run.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.core import queue
from gateway.core.unit_of_work import Work
from gateway.features.artifacts import service as artifacts
from gateway.features.artifacts.store import Store
from gateway.features.providers.service_upstream import AGENT
from gateway.features.runs import service as runs
from gateway.features.runs import service_holding as holding
from gateway.features.runs import service_logs as run_logs
from gateway.features.runs.service_holding import Claim, Claimed, Fenced, NotTaking
from gateway.features.runs.service_logs import LogBatch
from gateway.features.settings import service as settings

from . import forbidden, lifecycle, queries, state
from .models import Task

MOST_LOSSES = 8
"""A task whose run lost its node this often in a row is failed: it may be what kills the nodes."""


@dataclass(frozen=True)
class Plan:
    """Everything a node needs to carry out one run, as plain values."""

    run_id: uuid.UUID
    task_id: uuid.UUID
    owner_id: uuid.UUID
    project_id: uuid.UUID
    token_id: uuid.UUID | None
    """The API token that asked for it."""
    kind: str
    prompt: str | None
    acceptance_criteria: list[str]
    script: dict[str, Any] | None
    commands: list[str]
    continue_on_error: bool
    env: dict[str, str]
    network: bool
    timeout_s: float
    model: str
    inputs: list[tuple[str, str]]
    """(filename, SHA-256) of each attachment."""
    script_sha256: str | None
    job_ids: list[uuid.UUID]
    traceparent: str
    """Under which its work is traced; programs find it in TRACEPARENT."""
    log_bytes: int
    """How much of what each program writes goes into the log, at most."""
    refusal: tuple[str, str] | None
    """Code and sentence, when by now its owner may not have it run."""


@dataclass(frozen=True)
class JobReport:
    """How one job ended."""

    position: int
    status: str
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    error: dict[str, str] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class RunReport:
    """How the run ended."""

    status: str
    exit_code: int | None = None
    output: str | None = None
    error: dict[str, str] | None = None
    files: list[artifacts.Upload] = field(default_factory=list)


@dataclass(frozen=True)
class End:
    """A node's process reports the end of a run: its last job, what was left of its log, and its files' store."""

    run_id: uuid.UUID
    holder: uuid.UUID
    store: Store
    report: RunReport
    last: JobReport
    lines: LogBatch


def begin(work: Work, claims: Sequence[Claim]) -> list[Plan | Fenced | NotTaking]:
    """Gives pending runs to the node's process, each with its first job started; once more where an answer was lost.

    Fenced is the answer where the run is not to be had, NotTaking where the node was told to take nothing.
    """
    asked_tasks = queries.of_runs(work.session, [claim.run_id for claim in claims])
    asked_runs = holding.claimed(work, claims)
    tasks, outcomes = _under_way(asked_tasks()), asked_runs()
    refusals = forbidden.refusals_now(work, [task for task, _ in tasks.values()])
    answers: list[Plan | Fenced | NotTaking] = []
    for claim in claims:
        outcome = outcomes.get(claim.run_id) if claim.run_id in tasks else None
        if not isinstance(outcome, Claimed):
            answers.append(outcome or Fenced())
            continue
        task, attached = tasks[claim.run_id]
        if outcome.is_new:
            _begin_one(work, task, claim, outcome)
        answers.append(_plan(work, task, outcome, attached, refusals.get(task.id)))
    return answers


def _begin_one(work: Work, task: Task, claim: Claim, begun: Claimed) -> None:
    holding.begin_claimed(work, claim, begun)
    lifecycle.move(work, task, "running", f"attempt {begun.run.attempt} started")
    if task.kind == "prompt":
        begun.jobs[0].model = _model(work, task)  # the default may be another one tomorrow
    runs.begin_job(work, begun.run, begun.jobs[0])
    work.save(task, begun.jobs[0])


def pass_on(work: Work, run_id: uuid.UUID) -> None:
    """Leaves a run to other nodes that this one was handed and may not take. Raises Fenced when it is not to be had."""
    task = _task_of(work.session, run_id)
    holding.leave_queued(work, run_id, lifecycle.job_of(task), task.priority)


def append_log(work: Work, run_id: uuid.UUID, holder: uuid.UUID, lines: LogBatch) -> None:
    """Adds to the run's log. Raises Fenced when the process no longer has the run."""
    run_logs.append_from_node(work, holding.hold(work.session, run_id, holder), lines)


def next_job(work: Work, run_id: uuid.UUID, holder: uuid.UUID, report: JobReport, lines: LogBatch) -> None:
    """Ends one job of a series and starts the next; a report that is stored already changes nothing. Raises Fenced."""
    run = holding.hold(work.session, run_id, holder)
    following = runs.job_at(work, run_id, report.position + 1)
    if following.status != "queued":
        return
    _end_job(work, run, runs.job_at(work, run_id, report.position), report, lines)
    runs.begin_job(work, run, following)


def end(work: Work, ends: Sequence[End]) -> list[int | Fenced | None]:
    """Ends runs, each with its last job, its files and its task, all at once.

    The answer is the run's place in the queue, which it has left; Fenced where the process has it no longer.
    """
    run_ids = [end.run_id for end in ends]
    asked_tasks = queries.of_runs(work.session, run_ids)
    asked_runs = holding.all_held(work, {end.run_id: end.holder for end in ends})
    somebody_waits = queries.has_dependents(work.session, run_ids)
    tasks, held = _under_way(asked_tasks()), asked_runs()
    answers: list[int | Fenced | None] = []
    ended = []
    for end in ends:
        if end.run_id not in tasks or end.run_id not in held:
            answers.append(Fenced())
            continue
        (task, _), (run, jobs) = tasks[end.run_id], held[end.run_id]
        _end_one(work, task, run, jobs, end)
        ended.append(task)
        answers.append(run.queue_job_id)
    if somebody_waits():
        lifecycle.tell_dependents(work, ended)
    return answers


def _end_one(work: Work, task: Task, run: Any, jobs: Sequence[Any], end: End) -> None:
    report = end.report
    _end_job(work, run, next(job for job in jobs if job.position == end.last.position), end.last, end.lines)
    for upload in report.files:
        artifacts.add(
            work, end.store, upload, owner_id=task.owner_id, project_id=task.project_id, task_id=task.id,
            run_id=run.id, tags=tuple(task.tags),
        )  # fmt: skip
    runs.finish(work, run, report.status, report.error, jobs)
    task.exit_code, task.output = report.exit_code, report.output
    reason = report.error["message"] if report.error else f"attempt {run.attempt} completed"
    lifecycle.move(work, task, report.status, reason, report.error)
    work.save(task, run, *jobs)
    work.execute_last(queue.forgotten(run.queue_job_id))


def give_back(work: Work, run_id: uuid.UUID, holder: uuid.UUID) -> None:
    """The node stops in good order and hands its run to another. Raises Fenced when it has it no longer."""
    task = _task_of(work.session, run_id)
    holding.lose(work, holding.hold(work.session, run_id, holder))
    lifecycle.step(work, task, "queued", "its node was stopped")
    lifecycle.dispatch(work, task, lifecycle.units_of(task))


def suspend(work: Work, run_id: uuid.UUID, holder: uuid.UUID, lines: LogBatch) -> uuid.UUID:
    """The task waits for somebody, and the run ends until `resume`; returns the task's id. Raises Fenced."""
    task = _task_of(work.session, run_id)
    run = holding.hold(work.session, run_id, holder)
    run_logs.append_from_node(work, run, lines)
    runs.suspend(work, run)
    lifecycle.step(work, task, "waiting", "it waits for an answer")
    return task.id


def hold_still(work: Work, task_id: uuid.UUID) -> None:
    """Lets nobody else change a task until this unit of work is over, and waits for whoever does."""
    queries.locked(work.session, task_id)


def resume(work: Work, task_id: uuid.UUID) -> None:
    """Gives a suspended task its next run; any other is left as it is."""
    task = queries.locked(work.session, task_id)
    if task is not None and task.status == "waiting" and runs.is_suspended(work, task.run_id):
        lifecycle.step(work, task, "queued", "it has its answer")
        lifecycle.dispatch(work, task, lifecycle.units_of(task))


def recover(work: Work, seconds: float) -> int:
    """Puts back what dead nodes held; returns how many runs that were. Several callers at once do no harm."""
    found = holding.stalled(work, seconds)
    for run_id, run_status, job_id, job_status in found:
        if run_status == "pending" and job_status == "doing":
            assert job_id is not None
            queue.requeue(work.session, job_id)
        else:
            _take_over(work, run_id)
    return len(found)


def reclaim(work: Work, run_ids: set[uuid.UUID]) -> None:
    """Puts back runs that a living node holds by the records and yet does not carry out."""
    for run_id in sorted(run_ids):
        _take_over(work, run_id)


def _take_over(work: Work, run_id: uuid.UUID) -> None:
    try:
        task = _task_of(work.session, run_id)
    except Fenced:
        return
    run = runs.held_by_task(work, run_id)
    if run is None or task.run_id != run_id or task.status in state.FINISHED:
        return
    holding.lose(work, run)
    if task.attempts >= MOST_LOSSES and holding.losses(work, task.id) >= MOST_LOSSES:
        error = {
            "code": "node_lost",
            "message": f"Its node was lost {MOST_LOSSES} times in a row; retry it by hand.",
        }
        lifecycle.step(work, task, "failed", "too many lost nodes", error=error)
        return
    if task.status == "running":
        lifecycle.step(work, task, "queued", f"the node of attempt {run.attempt} is gone")
    lifecycle.dispatch(work, task, lifecycle.units_of(task))


def _plan(work: Work, task: Task, claimed: Claimed, attached: list[uuid.UUID], refusal: tuple[str, str] | None) -> Plan:
    run, script = claimed.run, task.script or {}
    files = artifacts.by_ids(work, attached)
    source = artifacts.by_ids(work, [uuid.UUID(script["artifact_id"])]) if script.get("artifact_id") else []
    return Plan(
        run_id=run.id, task_id=task.id, owner_id=task.owner_id, project_id=task.project_id,
        token_id=task.created_by_token,
        kind=task.kind, prompt=task.prompt, acceptance_criteria=list(task.acceptance_criteria), script=task.script,
        commands=list(task.commands or []), continue_on_error=task.continue_on_error,
        env={"TRACEPARENT": run.traceparent, **task.env}, traceparent=run.traceparent,
        log_bytes=settings.value(work, "logs.max_run_bytes"),
        network=task.network, timeout_s=task.timeout_s, model=_model(work, task),
        inputs=[(file.filename, file.sha256) for file in files],
        script_sha256=source[0].sha256 if source else None, job_ids=[job.id for job in claimed.jobs], refusal=refusal,
    )  # fmt: skip


def _model(work: Work, task: Task) -> str:
    default: str = settings.value(work, "chat.default_model")
    return default if task.model in (None, AGENT) else task.model


def _end_job(work: Work, run: Any, job: Any, report: JobReport, lines: LogBatch) -> None:
    run_logs.append_from_node(work, run, lines)
    runs.end_job(
        work, run, job, report.status, exit_code=report.exit_code, stdout=report.stdout, stderr=report.stderr,
        truncated=report.truncated, error=report.error, started_at=report.started_at, ended_at=report.ended_at,
    )  # fmt: skip


def _under_way(
    tasks: dict[uuid.UUID, tuple[Task, list[uuid.UUID]]],
) -> dict[uuid.UUID, tuple[Task, list[uuid.UUID]]]:
    """Those of the runs' tasks whose latest run it is, and that have not ended."""
    return {
        run_id: (task, attached) for run_id, (task, attached) in tasks.items()
        if task.run_id == run_id and task.status in state.UNDER_WAY
    }  # fmt: skip


def _task_of(session: Session, run_id: uuid.UUID) -> Task:
    task = queries.of_run(session, run_id)
    if task is None:
        raise Fenced
    return task
