"""Which tasks are at rest, and may be purged by a policy."""

import uuid
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import Select, Text, cast, delete, func, literal, select
from sqlalchemy.orm import Session

from . import state
from .models import Task

ROW = 500
"""Bytes of a task beside its inputs and output, roughly."""


def tasks() -> Select[Any]:
    """Finished tasks, each as large as its inputs and its output."""
    parts = (Task.prompt, Task.output, cast(Task.script, Text), func.array_to_string(Task.commands, ""))
    size = reduce(add, (func.coalesce(func.octet_length(part), 0) for part in parts), literal(ROW))
    columns: list[Any] = [Task.id, Task.ended_at.label("time"), size.label("bytes"), Task.owner_id, Task.project_id]
    return select(*columns).where(Task.status.in_(sorted(state.FINISHED)))


def drop(session: Session, task_ids: Sequence[uuid.UUID]) -> None:
    """Deletes tasks; runs, steps and all else of theirs go with them."""
    session.execute(delete(Task).where(Task.id.in_(task_ids)).execution_options(synchronize_session=False))
