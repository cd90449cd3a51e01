"""The names of tasks beside what came of them: one statement for all that are shown, by the rights of who reads."""

import uuid
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from sqlalchemy import UUID, column, select, table
from sqlalchemy.orm import Session

from .identity import Actor
from .schemas import Out
from .visibility import seen_by

# The room of tasks stands above most of those that show a task's name.
_TASKS = table(
    "tasks", column("id", UUID(as_uuid=True)), column("name"), column("owner_id", UUID(as_uuid=True)),
    column("project_id", UUID(as_uuid=True)),
).c  # fmt: skip

T = TypeVar("T", bound=Out)


def named(session: Session, actor: Actor, shape: type[T], rows: Iterable[Any]) -> list[T]:
    """The rows in `shape`, which has a `task_id`, each with the `task_name` if the caller may read the task."""
    shown: list[Any] = [shape.model_validate(row) for row in rows]
    names = _names(session, actor, {each.task_id for each in shown if each.task_id is not None})
    for each in shown:
        each.task_name = names.get(each.task_id)
    return shown


def _names(session: Session, actor: Actor, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    if not ids:
        return {}
    may_read = seen_by(actor, "tasks.read", owner=_TASKS.owner_id, project=_TASKS.project_id, key=_TASKS.id)
    found = session.execute(select(_TASKS.id, _TASKS.name).where(_TASKS.id.in_(ids), may_read))
    return {row.id: row.name for row in found}
