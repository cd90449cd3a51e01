"""What a user does with tasks: create, read, change, cancel, retry, delete."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, delete

from gateway.core.clock import new_id
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.paging import Listed
from gateway.core.policy import Resource
from gateway.core.tracing import Span
from gateway.core.unit_of_work import Work
from gateway.features.artifacts import service as artifacts
from gateway.features.preferences import service as preferences
from gateway.features.projects import service as projects
from gateway.features.runs import service as runs
from gateway.features.runs import service_logs as run_logs
from gateway.features.sessions import service as sessions
from gateway.features.settings import service as settings

from . import forbidden, lifecycle, names, queries, share, state
from .models import Task, TaskAttachment, TaskChange, TaskDependency, TaskTag
from .schemas import (
    HOUR,
    ArtifactRef,
    HourOut,
    HoursOut,
    HoursQuery,
    JobResult,
    ResultOut,
    RunFilter,
    TaskIn,
    TaskOut,
    TaskPatch,
)

SUMMARY_LENGTH = 200


def create(work: Work, wish: TaskIn, caused_by: Span | None = None) -> TaskOut:
    """A new task, queued or waiting; without a project of its own it lies where its session does.

    Raises Invalid naming the field that does not fit, Forbidden by a preference.
    """
    session = sessions.check_field(work, wish.session_id) if wish.session_id is not None else None
    project_id = wish.project_id or (session.project_id if session else None)
    project = projects.for_new_work(work, project_id, "tasks.create")
    share.take(work)
    summary = _summary(wish)
    check = forbidden.asked_new(work, wish, project.id)
    name = names.asked(work.session, work.actor.user_id, wish.name or summary)
    check()
    _check_artifacts(work, wish)
    waits = _check_dependencies(work, wish.depends_on)
    task = Task(
        id=new_id(), owner_id=work.actor.user_id, project_id=project.id, session_id=wish.session_id,
        name=name(), summary=summary,
        kind="prompt" if wish.prompt is not None else "script" if wish.script is not None else "commands",
        status="waiting" if waits else "queued",
        prompt=wish.prompt, script=wish.script.model_dump(mode="json") if wish.script else None, commands=wish.commands,
        continue_on_error=wish.continue_on_error, acceptance_criteria=wish.acceptance_criteria, tags=wish.tags,
        priority=wish.priority, timeout_s=_time_limit(work, wish), model=wish.model, network=wish.network,
        requires=(wish.requires.model_dump(exclude_defaults=True) or None) if wish.requires else None,
        env=wish.env, metadata_=wish.metadata, attempts=0, created_by_token=_token(work),
        traceparent=str(caused_by) if caused_by else None,
    )  # fmt: skip
    work.session.add(task)
    if not waits:
        lifecycle.dispatch(work, task, lifecycle.units_of(task), has_attachments=bool(wish.attachments))
    work.session.flush()
    _add_relations(work, task, wish)
    work.caused("tasks", task.id)
    lifecycle.record(work, task, None, "created")
    lifecycle.announce(work, task, "task.created")
    return describe(
        work, task, {"attachments": wish.attachments, "depends_on": sorted(wish.depends_on), "dependents": []}
    )


def check(work: Work, wish: TaskIn) -> None:
    """Raises what `create` would for the task as such, and makes nothing: for whoever orders one for later."""
    project = projects.for_new_work(work, wish.project_id, "tasks.create")
    forbidden.check_new(work, wish, project.id)
    _check_artifacts(work, wish)
    _time_limit(work, wish)


def visible(work: Work, **filters: Any) -> Select[Task]:
    """The tasks the caller may see, to be paged."""
    work.allow("tasks.read", Resource("tasks", listed=True))
    return queries.filtered(work.actor, **filters)


def newest(work: Work, status: str | None, most: int) -> list[Task]:
    """The newest tasks the caller may see, of one status or of all."""
    work.allow("tasks.read", Resource("tasks", listed=True))
    found = queries.visible(work.actor)
    if status is not None:
        found = found.where(Task.status == status)
    return list(work.session.scalars(found.order_by(Task.id.desc()).limit(most)))


def hours(work: Work, query: HoursQuery) -> HoursOut:
    """How many of the caller's tasks were made in each hour, by how they stand."""
    work.allow("tasks.read", Resource("tasks", listed=True))
    first, last = (
        moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for moment in (query.after, query.before)
    )
    items = [HourOut(time=first + HOUR * n, by_status={}) for n in range((last - first) // HOUR + 1)]
    bounds = [*(item.time for item in items), last + HOUR]
    for span, status, count in queries.made_between(work.session, work.actor, bounds):
        items[span - 1].by_status[status] = count
    return HoursOut(items=items)


def get(work: Work, task_id: uuid.UUID, *, whole: bool = False) -> Task:
    """One task. Raises NotFound."""
    return _find(work, task_id, "tasks.read", whole=whole)


def seen_among(work: Work, task_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the tasks that the caller may see."""
    return {task.id for task in work.session.scalars(queries.visible(work.actor).where(Task.id.in_(task_ids)))}


def look(work: Work, task_id: uuid.UUID) -> Task | None:
    """A task as it is now, for whoever has ordered it on its owner's behalf; nobody else may ask so."""
    return work.session.get(Task, task_id, populate_existing=True)


def changed_since(work: Work, session_id: uuid.UUID, since: datetime, most: int) -> list[Task]:
    """The newest tasks of a session that changed since then, oldest first; on its owner's behalf."""
    return list(reversed(queries.changed_since(work.session, session_id, since, most)))


def describe(work: Work, task: Task, relations: dict[str, list[uuid.UUID]] | None = None) -> TaskOut:
    """A task with its inputs and relations (read now, unless the caller knows them), as the wire shows it."""
    plain = {name: getattr(task, name) for name in TaskOut.model_fields if hasattr(task, name) and name != "metadata"}
    return TaskOut.model_validate(
        {
            **plain,
            "metadata": task.metadata_,
            **(relations or queries.relations(work.session, task.id)),
        }
    )


def change(work: Work, task: Task, patch: TaskPatch) -> Task:
    """Changes a task, as `for_change` gave it, while it is not finished. Raises Conflict afterwards."""
    if task.status in state.FINISHED:
        raise Conflict(f"The task is {task.status}; only an unfinished task can be changed.", code="task_finished")
    given = patch.model_fields_set
    if "name" in given and patch.name is not None and names.normalise(patch.name) != task.name:
        task.name = names.unique(work.session, task.owner_id, patch.name)
    if "tags" in given:
        task.tags = patch.tags or []
    if "priority" in given:
        task.priority = patch.priority or 0
    if "acceptance_criteria" in given:
        task.acceptance_criteria = patch.acceptance_criteria or []
    work.session.flush()
    if "tags" in given:
        work.session.execute(delete(TaskTag).where(TaskTag.task_id == task.id))
        _add_tags(work, task)
    if "priority" in given and task.status == "queued":
        runs.reprioritise(work, task.run_id, task.priority)
    lifecycle.announce(work, task, "task.updated")
    return task


def for_change(work: Work, task_id: uuid.UUID) -> Task:
    """A task, whole and locked, to be changed. Raises NotFound."""
    return _find(work, task_id, "tasks.update", lock=True, whole=True)


def cancel(work: Work, task_id: uuid.UUID) -> Task:
    """Cancels a task and those that wait for it; a finished one raises Conflict."""
    task = _find(work, task_id, "tasks.cancel", lock=True, whole=True)
    if task.status in state.FINISHED:
        raise Conflict(f"The task is {task.status} already.", code="task_finished")
    run = runs.held_by_task(work, task.run_id) if task.status != "waiting" else None
    if run is not None:
        runs.withdraw(work, run)
    elif task.status == "waiting":
        runs.give_up_suspended(work, task.run_id)
    error = {"code": "canceled", "message": f"Canceled by {work.actor.handle}."}
    lifecycle.step(work, task, "canceled", "canceled on request", error=error)
    work.session.flush()
    return task


def retry(work: Work, task_id: uuid.UUID) -> Task:
    """A new run of a finished task. Raises Conflict while it, its session, or what it depends on, is not to be had.

    Raises Forbidden when a preference forbids by now what it does.
    """
    # Before the task itself, as whoever ends one of them goes on to those that depend on it.
    depends_on = queries.shared(work.session, work.actor, queries.depends_on(work.session, task_id))
    task = _find(work, task_id, "tasks.retry", lock=True, whole=True)
    if task.status not in state.FINISHED:
        raise Conflict(f"The task is {task.status}; cancel it first, or wait.", code="task_not_finished")
    for other in depends_on:
        if other.status in ("failed", "canceled"):
            raise Conflict(f"It depends on {other.name}; retry that first.", code="dependency_not_completed")
    if task.session_id is not None:
        sessions.check_still_open(work, task.session_id)
    forbidden.check_again(work, task)
    share.take(work)
    task.created_by_token = _token(work)
    task.error = task.output = task.exit_code = task.started_at = task.ended_at = None
    waits = queries.unfinished_dependencies(work.session, task.id) > 0
    lifecycle.step(work, task, "waiting" if waits else "queued", "retried on request")
    if not waits:
        lifecycle.dispatch(work, task, lifecycle.units_of(task))
    work.session.flush()
    return task


def remove(work: Work, task_id: uuid.UUID) -> None:
    """Deletes a finished task with its runs and logs; its artifacts stay. Raises Conflict otherwise."""
    task = _find(work, task_id, "tasks.delete", lock=True)
    if task.status not in state.FINISHED:
        raise Conflict(f"The task is {task.status}; cancel it first.", code="task_not_finished")
    work.emit(
        "task.deleted",
        owner_id=task.owner_id,
        task_id=task.id,
        project_id=task.project_id,
        data={"name": task.name},
    )
    preferences.forget_task(work, task.id)
    work.session.delete(task)
    work.session.flush()


def for_files(work: Work, task_id: uuid.UUID) -> Task:
    """A task that a file is added to, whatever its state. Raises NotFound."""
    return _find(work, task_id, "tasks.update")


def history(work: Work, task_id: uuid.UUID) -> Select[TaskChange]:
    """A task's changes of status, to be paged oldest first."""
    return queries.history(get(work, task_id).id)


def log_page(work: Work, task: Task, query: RunFilter) -> Listed[Any]:
    """A page of the log of one of a task's runs. Raises NotFound for a run of another task."""
    run_id = query.run_id or task.run_id
    if run_id is None:
        return Listed([], None)
    run = runs.get(work, run_id)
    if run.task_id != task.id:
        raise NotFound("The task has no such run.")
    return run_logs.read(work, run, query)


def result(work: Work, task_id: uuid.UUID) -> ResultOut:
    """The outcome of the task's last run, with its jobs and artifacts."""
    task = get(work, task_id)
    jobs = runs.jobs_of(work, task.run_id) if task.run_id else []
    files = artifacts.of_run(work, task.run_id) if task.run_id else []
    return ResultOut.model_validate(
        {
            "task_id": task.id,
            "run_id": task.run_id,
            "status": task.status,
            "exit_code": task.exit_code,
            "output": task.output,
            "error": task.error,
            "jobs": [JobResult.model_validate(job) for job in jobs],
            "verification": queries.verification(work.session, task.run_id) if task.run_id else None,
            "artifacts": [ArtifactRef.model_validate(file) for file in files],
        }
    )


def _find(work: Work, task_id: uuid.UUID, action: str, *, lock: bool = False, whole: bool = False) -> Task:
    task = queries.one(work.session, work.actor, task_id, lock=lock, whole=whole)
    if task is None:
        raise NotFound("There is no such task, or it is not yours.")
    work.allow(action, task.as_resource)
    return task


def _summary(wish: TaskIn) -> str:
    text = wish.prompt or (wish.script.content if wish.script else None) or " ; ".join(wish.commands or ["script"])
    return " ".join(text[: 4 * SUMMARY_LENGTH].split())[:SUMMARY_LENGTH]


def _token(work: Work) -> uuid.UUID | None:
    """The API token that asks for the work, by itself or by a hook, and is charged for it."""
    return work.actor.credential_id if work.actor.via in ("token", "hook") else None


def _time_limit(work: Work, wish: TaskIn) -> float:
    longest: float = settings.value(work, "tasks.max_timeout_s")
    if wish.timeout_s is None:
        default: float = settings.value(work, "tasks.default_timeout_s")
        return min(longest, default)
    if wish.timeout_s > longest:
        raise Invalid.field("timeout_s", f"at most {longest:g} seconds are allowed here")
    return wish.timeout_s


def _check_artifacts(work: Work, wish: TaskIn) -> None:
    wanted = list(wish.attachments)
    if wish.script is not None and wish.script.artifact_id is not None:
        wanted.append(wish.script.artifact_id)
    missing = artifacts.missing(work, wanted)
    if missing:
        field = "attachments" if missing & set(wish.attachments) else "script.artifact_id"
        raise Invalid.field(field, f"there is no artifact {sorted(missing)[0]}, or it is not yours")


def _check_dependencies(work: Work, wanted: list[uuid.UUID]) -> bool:
    found = {task.id: task for task in queries.shared(work.session, work.actor, wanted)}
    for task_id in wanted:
        if task_id not in found:
            raise Invalid.field("depends_on", f"there is no task {task_id}, or it is not yours")
        if found[task_id].status in ("failed", "canceled"):
            raise Invalid.field("depends_on", f"{found[task_id].name} is {found[task_id].status} and will not complete")
    return any(task.status != "completed" for task in found.values())


def _add_relations(work: Work, task: Task, wish: TaskIn) -> None:
    _add_tags(work, task)
    attached = [{"position": n, "artifact_id": artifact_id} for n, artifact_id in enumerate(wish.attachments)]
    work.insert(TaskAttachment, [{"task_id": task.id, **attachment} for attachment in attached])
    work.insert(TaskDependency, [{"task_id": task.id, "depends_on_id": other} for other in wish.depends_on])


def _add_tags(work: Work, task: Task) -> None:
    work.insert(TaskTag, [{"owner_id": task.owner_id, "tag": tag, "task_id": task.id} for tag in task.tags])
