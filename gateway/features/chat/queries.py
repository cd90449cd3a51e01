"""Every select on threads and messages."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, Select, bindparam, exists, func, literal_column, or_, select, text
from sqlalchemy.orm import Session, aliased

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Message, Thread

_ACTIVE = select(Thread).where(
    Thread.owner_id == bindparam("owner_id"), Thread.project_id == bindparam("project_id"), Thread.is_active
)
AT_ONCE = 200
_SNIPPET = "'MinWords=8, MaxWords=24, StartSel=«, StopSel=»'"


def visible(actor: Actor) -> Select[Thread]:
    """The threads the actor may see."""
    return select(Thread).where(
        seen_by(actor, "threads.read", owner=Thread.owner_id, project=Thread.project_id, key=Thread.id)
    )


def filtered(actor: Actor, *, project_id: uuid.UUID | None, q: str | None) -> Select[Thread]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if project_id is not None:
        query = query.where(Thread.project_id == project_id)
    if q is not None:
        wanted = func.websearch_to_tsquery("simple", q)
        said = exists().where(Message.thread_id == Thread.id, Message.search.op("@@")(wanted))
        query = query.where(or_(Thread.search.op("@@")(wanted), said))
    return query


def one(session: Session, actor: Actor, thread_id: uuid.UUID, *, lock: bool = False) -> Thread | None:
    """A thread the actor may see."""
    query = visible(actor).where(Thread.id == thread_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def active(session: Session, owner_id: uuid.UUID, project_id: uuid.UUID) -> Thread | None:
    """The thread that messages without one go to, locked."""
    query = _ACTIVE.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query, {"owner_id": owner_id, "project_id": project_id})


def of_client(session: Session, owner_id: uuid.UUID, project_id: uuid.UUID, client_chat_id: str) -> Thread | None:
    """The thread of a client's chat, locked."""
    query = select(Thread).where(
        Thread.owner_id == owner_id, Thread.project_id == project_id, Thread.client_chat_id == client_chat_id
    )
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def take_turns(session: Session, owner_id: uuid.UUID, project_id: uuid.UUID) -> None:
    """Whoever begins a thread of that user and project waits for the others until the transaction ends."""
    turn = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    session.execute(turn, {"key": f"chat threads:{owner_id}:{project_id}"})


def messages(thread_id: uuid.UUID) -> Select[Message]:
    """A thread's messages, on all branches."""
    return select(Message).where(Message.thread_id == thread_id)


def message(session: Session, thread_id: uuid.UUID, message_id: uuid.UUID) -> Message | None:
    """One message of a thread."""
    return session.scalar(messages(thread_id).where(Message.id == message_id))


def branch(session: Session, thread_id: uuid.UUID, leaf_id: uuid.UUID) -> Sequence[Message]:
    """The messages from the first to `leaf_id`."""
    below = select(Message.id, Message.parent_id).where(Message.thread_id == thread_id, Message.id == leaf_id)
    path = below.cte("path", recursive=True)
    above = aliased(Message)
    path = path.union(select(above.id, above.parent_id).join(path, above.id == path.c.parent_id))
    return session.scalars(select(Message).where(Message.id.in_(select(path.c.id))).order_by(Message.id)).all()


def hits(actor: Actor, q: str, thread_id: uuid.UUID | None) -> Select[Message]:
    """The messages that hold the words, in threads the actor may see."""
    wanted = func.websearch_to_tsquery("simple", q)
    query = select(Message).where(
        Message.search.op("@@")(wanted), Message.thread_id.in_(visible(actor).with_only_columns(Thread.id))
    )
    return query.where(Message.thread_id == thread_id) if thread_id is not None else query


def snippets(session: Session, q: str, found: Sequence[Message]) -> dict[uuid.UUID, Row[uuid.UUID, str, str]]:
    """(id, title, snippet) of each: the text around the words."""
    wanted = func.websearch_to_tsquery("simple", q)
    snippet = func.ts_headline("simple", func.left(Message.text, 20_000), wanted, literal_column(_SNIPPET))
    query = select(Message.id, Thread.title, snippet).join(Thread, Thread.id == Message.thread_id)
    rows = session.execute(query.where(Message.id.in_([message.id for message in found])))
    return {row[0]: row for row in rows}


def unfinished(session: Session, before: datetime) -> Sequence[Message]:
    """Answers that nobody has written on since, locked; those that somebody else ends are left to them."""
    stale = select(Message).where(Message.status == "streaming", Message.updated_at < before)
    return session.scalars(stale.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
