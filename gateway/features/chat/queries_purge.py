"""Which threads are at rest, and may be purged by a policy."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from .models import Message, Thread


def threads() -> Select[Any]:
    """Threads in which nothing is being said, each as large as its messages; they rest since their last one."""
    said = func.octet_length(Message.text) + func.coalesce(func.pg_column_size(Message.content), 0)
    size = select(func.coalesce(func.sum(said), 0)).where(Message.thread_id == Thread.id).scalar_subquery()
    speaks = exists().where(Message.thread_id == Thread.id, Message.status == "streaming")
    return select(
        Thread.id, Thread.last_activity_at.label("time"), size.label("bytes"), Thread.owner_id, Thread.project_id
    ).where(~speaks)  # fmt: skip


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Deletes threads with their messages."""
    session.execute(delete(Thread).where(Thread.id.in_(ids)).execution_options(synchronize_session=False))
