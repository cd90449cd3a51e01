"""Every select on tasks."""

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import UUID, BindParameter, Row, Select, bindparam, column, func, literal, or_, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, undefer

from gateway.core.clock import first_id_at
from gateway.core.database import PLANNED_ANEW
from gateway.core.driver.fixed_queries import FixedQuery, any_of
from gateway.core.driver.storing import columns_of, entity
from gateway.core.identity import Actor
from gateway.core.policy import reach
from gateway.core.visibility import seen_by

from .models import Task, TaskAttachment, TaskChange, TaskDependency, TaskTag
from .schemas import Status

_LARGE = tuple(undefer(column) for column in (Task.prompt, Task.script, Task.commands, Task.env, Task.metadata_))

_runs = table("runs", column("id", UUID(as_uuid=True)), column("task_id", UUID(as_uuid=True)))
"""Only whose a run is, in the same round trip; everything else about it is the runs' room's."""

# What the agent found is the agents' room's own, which stands above this one.
_FINDINGS = table(
    "agent_findings", column("run_id", UUID(as_uuid=True)), column("round"), column("position"), column("criterion"),
    column("passed"), column("reason"), column("command"), column("exit_code"),
)  # fmt: skip

# Built once: every task needs them several times on its way. What is locked may be referred to meanwhile: whoever has a
# run and adds something to its task would wait for who has the task and wants the run.
_ID: BindParameter[uuid.UUID] = bindparam("task_id")
_LOCKED = select(Task).where(Task.id == _ID).with_for_update(key_share=True).execution_options(populate_existing=True)
_IDS = bindparam("task_ids", type_=ARRAY(UUID))
_OF_RUN = (
    select(Task).join(_runs, _runs.c.task_id == Task.id).where(_runs.c.id == bindparam("run_id", type_=UUID()))
).with_for_update(of=Task, key_share=True)
_OF_ANY = _runs.c.id == any_of("run_ids", UUID())
_ATTACHMENTS = select(TaskAttachment.artifact_id).where(TaskAttachment.task_id == _ID).order_by(TaskAttachment.position)
_DEPENDS_ON = (
    select(TaskDependency.depends_on_id).where(TaskDependency.task_id == _ID).order_by(TaskDependency.depends_on_id)
)
_DEPENDENTS = select(TaskDependency.task_id).where(TaskDependency.depends_on_id == _ID).order_by(TaskDependency.task_id)
_ATTACHED = func.array(
    select(TaskAttachment.artifact_id)
    .where(TaskAttachment.task_id == Task.id)
    .order_by(TaskAttachment.position)
    .scalar_subquery()
)
_OF_RUNS = FixedQuery(
    select(
        _runs.c.id.label("of_run"), _ATTACHED.label("attached"), *columns_of(Task, "output", "search", "traceparent")
    )
    .join(Task, Task.id == _runs.c.task_id)
    .where(_OF_ANY)
    .order_by(Task.id)
    .with_for_update(of=Task, key_share=True)
)
_WAITING_FOR_RUNS = FixedQuery(
    select(TaskDependency.task_id).join(_runs, _runs.c.task_id == TaskDependency.depends_on_id).where(_OF_ANY).limit(1)
)
_WAITING_FOR = (
    select(TaskDependency.task_id, TaskDependency.depends_on_id)
    .where(TaskDependency.depends_on_id == func.any(_IDS))
    .order_by(TaskDependency.task_id, TaskDependency.depends_on_id)
)
_below = (
    select(TaskDependency.task_id).where(TaskDependency.depends_on_id == func.any(_IDS)).cte("below", recursive=True)
)
_below = _below.union(select(TaskDependency.task_id).join(_below, TaskDependency.depends_on_id == _below.c.task_id))
_LOCK_BELOW = (
    select(Task.id)
    .where(Task.id.in_(select(_below.c.task_id)), Task.status == "waiting")
    .order_by(Task.id)
    .with_for_update(key_share=True)
)
_RELATIONS = select(*(func.array(query.scalar_subquery()) for query in (_ATTACHMENTS, _DEPENDS_ON, _DEPENDENTS)))


_MOST_WAITS = 200


def visible(actor: Actor) -> Select[Task]:
    """The tasks the actor may see."""
    return select(Task).where(seen_by(actor, "tasks.read", owner=Task.owner_id, project=Task.project_id, key=Task.id))


def filtered(
    actor: Actor,
    *,
    status: str | None,
    project_id: uuid.UUID | None,
    tag: str | None,
    session_id: uuid.UUID | None,
    created_after: datetime | None,
    created_before: datetime | None,
    q: str | None,
) -> Select[Task]:
    """The visible ones, narrowed down; times filter through the time-ordered primary key."""
    query = visible(actor)
    if status is not None:
        query = query.where(Task.status == status)
    if project_id is not None:
        query = query.where(Task.project_id == project_id)
    if session_id is not None:
        query = query.where(Task.session_id == session_id)
    if tag is not None:
        query = query.join(TaskTag, TaskTag.task_id == Task.id).where(TaskTag.tag == tag)
        if reach(actor, "tasks.read", "tasks").is_own:
            query = query.where(TaskTag.owner_id == actor.user_id)
    if created_after is not None:
        query = query.where(Task.id >= first_id_at(created_after))
    if created_before is not None:
        query = query.where(Task.id < first_id_at(created_before))
    if q is not None:
        query = query.where(Task.search.op("@@")(func.websearch_to_tsquery("simple", q)))
    return query


def changed_since(session: Session, session_id: uuid.UUID, since: datetime, most: int) -> Sequence[Task]:
    """The newest tasks of a session that changed since then, the latest first, with what they answered."""
    query = select(Task).where(Task.session_id == session_id, Task.updated_at > since)
    return session.scalars(query.order_by(Task.id.desc()).limit(most).options(undefer(Task.output))).all()


def one(session: Session, actor: Actor, task_id: uuid.UUID, *, lock: bool = False, whole: bool = False) -> Task | None:
    """A task the actor may see; `whole` loads the large columns with it."""
    query = visible(actor).where(Task.id == task_id)
    if lock:
        query = query.with_for_update(key_share=True)
    if whole:
        query = query.options(*_LARGE)
    return session.scalar(query.execution_options(populate_existing=lock))


def locked(session: Session, task_id: uuid.UUID) -> Task | None:
    """A task, locked against every other writer; for nodes, which act for all users."""
    return session.scalar(_LOCKED, {"task_id": task_id})


def of_run(session: Session, run_id: uuid.UUID) -> Task | None:
    """The task of a run, locked; the run is not. For nodes."""
    return session.scalar(_OF_RUN, {"run_id": run_id})


def of_runs(
    session: Session, run_ids: Collection[uuid.UUID]
) -> Callable[[], dict[uuid.UUID, tuple[Task, list[uuid.UUID]]]]:
    """Asks for the task of each run that belongs to one, with the artifacts attached to it; locked as `of_run` does,
    in the order of their ids.
    """
    answer = _OF_RUNS.ask(session, run_ids=list(run_ids))
    return lambda: {row.of_run: (entity(Task, row), row.attached) for row in answer.rows()}


def has_attachments(session: Session, task_id: uuid.UUID) -> bool:
    """Whether artifacts lie in the task's inputs."""
    return session.scalar(_ATTACHMENTS.limit(1), {"task_id": task_id}) is not None


def has_dependents(session: Session, run_ids: Collection[uuid.UUID]) -> Callable[[], bool]:
    """Asks whether any task waits for one of these runs' tasks."""
    answer = _WAITING_FOR_RUNS.ask(session, run_ids=list(run_ids))
    return lambda: bool(answer.rows())


def shared(session: Session, actor: Actor, ids: Sequence[uuid.UUID]) -> list[Task]:
    """Those of `ids` that the actor may see, kept from finishing until the transaction ends."""
    query = visible(actor).where(Task.id.in_(ids)).order_by(Task.id).with_for_update(read=True)
    return list(session.scalars(query)) if ids else []


def verification(session: Session, run_id: uuid.UUID) -> dict[str, Any] | None:
    """What was found about the run's last answer, criterion by criterion; None where nothing was checked."""
    rows = session.execute(
        select(_FINDINGS).where(_FINDINGS.c.run_id == run_id).order_by(_FINDINGS.c.round, _FINDINGS.c.position)
    ).all()
    if not rows:
        return None
    last = rows[-1].round
    names = ("criterion", "passed", "reason", "command", "exit_code")
    findings = [{name: getattr(row, name) for name in names} for row in rows if row.round == last]
    status = "passed" if all(finding["passed"] for finding in findings) else "failed"
    return {"status": status, "rounds": last + 1, "findings": findings}


def depends_on(session: Session, task_id: uuid.UUID) -> list[uuid.UUID]:
    """The tasks this one waits for."""
    return list(session.scalars(_DEPENDS_ON, {"task_id": task_id}))


def relations(session: Session, task_id: uuid.UUID) -> dict[str, list[uuid.UUID]]:
    """Everything a task is related to, in one round trip: attachments in order, depends_on, dependents."""
    row = session.execute(_RELATIONS, {"task_id": task_id}).one()
    return {"attachments": row[0], "depends_on": row[1], "dependents": row[2]}


def dependents(session: Session, task_ids: Collection[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """The tasks that wait for one of these, each with the one it waits for; in the order of their ids."""
    return [(row.task_id, row.depends_on_id) for row in session.execute(_WAITING_FOR, {"task_ids": list(task_ids)})]


def lock_below(session: Session, task_ids: Collection[uuid.UUID]) -> None:
    """Locks what waits for one of these tasks, and what waits for that, in the order of their ids."""
    if task_ids:
        session.execute(_LOCK_BELOW, {"task_ids": list(task_ids)})


def makers(session: Session, task_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Who submitted these tasks."""
    query = select(TaskChange.task_id, TaskChange.actor).where(
        TaskChange.task_id.in_(task_ids), TaskChange.before.is_(None)
    )
    return {row.task_id: row.actor for row in session.execute(query)}


def waits(session: Session, task_ids: Collection[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Which task waited for which, where these are either."""
    pair = (TaskDependency.task_id, TaskDependency.depends_on_id)
    query = select(*pair).where(or_(*(column.in_(task_ids) for column in pair))).limit(_MOST_WAITS)
    return [(row.task_id, row.depends_on_id) for row in session.execute(query)]


def made_between(session: Session, actor: Actor, moments: Sequence[datetime]) -> Sequence[Row[int, Status, int]]:
    """How many visible tasks were made from each moment to the next, by status; the first such span is 1."""
    bounds = [first_id_at(moment) for moment in moments]
    span = func.width_bucket(Task.id, literal(bounds, ARRAY(UUID))).label("span")
    # Every status is named, so that each is one range of an index that has all that is asked for.
    known = Task.status.in_(get_args(Status))
    within = (Task.id >= bounds[0], Task.id < bounds[-1], known)
    seen = visible(actor).where(*within).with_only_columns(span, Task.status, func.count())
    return session.execute(seen.group_by(span, Task.status), execution_options=PLANNED_ANEW).all()


def unfinished(session: Session, user_id: uuid.UUID, most: int) -> int:
    """How many tasks of the user are not finished; counts no further than `most`."""
    open_ones = Task.status.in_(("queued", "waiting", "running"))
    few = select(Task.id).where(Task.owner_id == user_id, open_ones).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(few)) or 0


def unfinished_dependencies(session: Session, task_id: uuid.UUID) -> int:
    """How many tasks this one still waits for."""
    query = (
        select(func.count())
        .select_from(TaskDependency)
        .join(Task, Task.id == TaskDependency.depends_on_id)
        .where(TaskDependency.task_id == task_id, Task.status != "completed")
    )
    return session.scalar(query) or 0


def history(task_id: uuid.UUID) -> Select[TaskChange]:
    """A task's changes of status."""
    return select(TaskChange).where(TaskChange.task_id == task_id)
