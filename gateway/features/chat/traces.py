"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Message, Thread

SHOWN = 80
"""Letters of a message that stand for it."""


def threads(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Threads of chats."""
    for thread in work.session.scalars(queries.visible(work.actor).where(Thread.id.in_(ids))):
        yield Thing(Ref("threads", thread.id), thread.title, thread.created_at)


def messages(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Messages of chats, by how they begin."""
    for message in work.session.scalars(queries.visible_messages(work.actor, Message.id.in_(ids))):
        title = " ".join(message.text.split())[:SHOWN] or message.role
        yield Thing(Ref("messages", message.id), title, message.created_at, message.status)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """What the agent was asked, the task that this became, and the answer; and where it was asked."""
    touched = Message.task_id.in_(found.get("tasks", ())) | Message.id.in_(found.get("messages", ()))
    for message in work.session.scalars(queries.visible_messages(work.actor, touched)):
        if message.task_id is not None:
            yield Edge(Ref("tasks", message.task_id), Ref("messages", message.id), "answered")
            if message.parent_id is not None:
                yield Edge(Ref("messages", message.parent_id), Ref("tasks", message.task_id), "was asked of the agent")
        yield Edge(Ref("threads", message.thread_id), Ref("messages", message.id), "holds it")


TRACEABLE = (Traceable("threads", threads), Traceable("messages", messages, edges, room="threads"))
