"""Steps a task through its states: record, event, dependents. Part of the service; nobody else calls it."""

import uuid
from collections.abc import Collection

from gateway.core import tracing
from gateway.core.clock import new_id, now
from gateway.core.unit_of_work import Work
from gateway.features.preferences import constraints
from gateway.features.runs import service as runs

from . import forbidden, queries, state
from .models import Task, TaskChange


def step(work: Work, task: Task, after: str, reason: str, *, error: dict[str, str] | None = None) -> None:
    """Takes one allowed step, writes history and event, and tells the tasks that wait for this one."""
    move(work, task, after, reason, error)
    if after in state.FINISHED:
        tell_dependents(work, [task])


def move(work: Work, task: Task, after: str, reason: str, error: dict[str, str] | None = None) -> None:
    """The same, where others tell the tasks that wait for this one."""
    before = task.status
    assert after in state.TASK[before], f"task {before} -> {after}"
    task.status = after
    if after == "running":
        task.started_at, task.ended_at = task.started_at or now(), None
    if after in state.FINISHED:
        task.ended_at, task.error = now(), error
    record(work, task, before, reason)
    announce(work, task, state.EVENT.get(after, "task.updated"))


def tell_dependents(work: Work, ended: Collection[Task]) -> None:
    """Queues what waited for the last of these tasks, and cancels what waited for one that was not completed.

    That ends tasks as well, and so on; a chain may be longer than Python's stack. All of it is locked beforehand, in
    the order in which everybody locks tasks.
    """
    queries.lock_below(work.session, [task.id for task in ended if task.status != "completed"])
    while ended:
        work.flush()
        known, canceled = {task.id: task for task in ended}, []
        for dependent_id, task_id in queries.dependents(work.session, known):
            cause, dependent = known[task_id], _waiting(work, dependent_id)
            if dependent is None:
                continue
            if cause.status != "completed":
                message = f"It depends on {cause.name}, which was not completed."
                error = {"code": "dependency_not_completed", "message": message}
                move(work, dependent, "canceled", f"{cause.name} was {cause.status}", error)
                canceled.append(dependent)
            elif queries.unfinished_dependencies(work.session, dependent.id) == 0 and not _release(work, dependent):
                canceled.append(dependent)
        ended = canceled


def _release(work: Work, task: Task) -> bool:
    """Queues a task that waits for nothing any more; cancels it, and returns False, when a preference forbids it."""
    if refusals := forbidden.refusals(work, task):
        message = refusals[0].message
        move(work, task, "canceled", message, {"code": constraints.FORBIDDEN, "message": message})
        return False
    move(work, task, "queued", "everything it waited for is completed")
    dispatch(work, task, units_of(task))
    return True


def record(work: Work, task: Task, before: str | None, reason: str) -> None:
    """Adds a line to the task's history."""
    change = {"before": before, "after": task.status, "actor": work.actor.handle, "reason": reason}
    work.insert(TaskChange, [{"id": new_id(), "task_id": task.id, "run_id": task.run_id, **change}])


def announce(work: Work, task: Task, name: str) -> None:
    """Emits an event about the task."""
    work.emit(
        name, owner_id=task.owner_id, task_id=task.id, run_id=task.run_id, project_id=task.project_id,
        tags=tuple(task.tags),
        data={"name": task.name, "kind": task.kind, "status": task.status, "error": task.error},
    )  # fmt: skip


def dispatch(
    work: Work, task: Task, units: list[tuple[str, str | None]], *, has_attachments: bool | None = None
) -> None:
    """Gives a queued task its next run. Whether it `has_attachments` is looked up where that is not said."""
    if has_attachments is None:
        has_attachments = queries.has_attachments(work.session, task.id)
    task.attempts += 1
    task.run_id = runs.start(
        work, owner_id=task.owner_id, project_id=task.project_id, task_id=task.id, session_id=task.session_id,
        attempt=task.attempts, priority=task.priority, units=units,
        job=job_of(task), requires=task.requires, model=task.model, caused_by=tracing.parse(task.traceparent),
        has_inputs=has_attachments or bool((task.script or {}).get("artifact_id")),
    )  # fmt: skip


def job_of(task: Task) -> str:
    """The queue's name for carrying out a run of the task."""
    return runs.ANSWER if task.kind == "prompt" else runs.EXECUTE


def units_of(task: Task) -> list[tuple[str, str | None]]:
    """The units of work a run of the task consists of: kind and command of each."""
    if task.kind == "prompt":
        return [("model", None)]
    if task.kind == "script":
        script = task.script or {}
        return [("script", " ".join([script.get("interpreter", "bash"), "script", *script.get("args", [])]))]
    return [("command", command) for command in task.commands or []]


def _waiting(work: Work, task_id: uuid.UUID) -> Task | None:
    """The task, locked, if it waits for others; one that has begun, and waits for somebody, does so no more."""
    task = queries.locked(work.session, task_id)
    if task is None or task.status != "waiting" or runs.is_suspended(work, task.run_id):
        return None
    return task
