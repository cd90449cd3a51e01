"""Rules of threads, as people list and change them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.secrets.redaction import redact
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects

from . import queries
from .models import Message, NewMessage, Thread
from .schemas import Hit, MessageIn, ThreadIn, ThreadPatch, ThreadQuery

UNTITLED = "New chat"


def visible(work: Work, query: ThreadQuery) -> Select[Thread]:
    """The threads the caller may see, to be paged."""
    work.allow("threads.read", Resource("threads", listed=True))
    return queries.filtered(work.actor, project_id=query.project_id, q=query.q)


def get(work: Work, thread_id: uuid.UUID) -> Thread:
    """One thread. Raises NotFound."""
    return find(work, thread_id, "threads.read")


def create(work: Work, wish: ThreadIn) -> Thread:
    """An empty thread of the caller's. Raises Invalid for a project that takes none."""
    project = projects.for_new_work(work, wish.project_id, "threads.create")
    title = redact(wish.title).text if wish.title else UNTITLED
    thread = Thread(
        id=new_id(), owner_id=work.actor.user_id, project_id=project.id, title=title, is_active=False,
        client_chat_id=None, message_id=None,
    )  # fmt: skip
    work.session.add(thread)
    work.session.flush()
    tell(work, thread, "thread.created")
    return thread


def for_change(work: Work, thread_id: uuid.UUID) -> Thread:
    """One thread, locked, to be changed. Raises NotFound."""
    return find(work, thread_id, "threads.update", lock=True)


def change(work: Work, thread: Thread, patch: ThreadPatch) -> Thread:
    """Changes a thread, as `for_change` gave it. Raises Invalid for a message of another thread."""
    for name in patch.model_fields_set:
        if getattr(patch, name) is None:
            raise Invalid.field(name, "this cannot be taken away; leave it out or give a value")
    if patch.title is not None:
        thread.title = redact(patch.title).text
    if patch.message_id is not None:
        check_message(work, thread, patch.message_id, "message_id")
        thread.message_id = patch.message_id
    work.session.flush()
    tell(work, thread, "thread.updated")
    return thread


def remove(work: Work, thread_id: uuid.UUID) -> None:
    """Deletes a thread with its messages. Raises NotFound."""
    thread = find(work, thread_id, "threads.delete", lock=True)
    tell(work, thread, "thread.deleted")
    work.session.delete(thread)
    work.session.flush()


def messages(work: Work, thread_id: uuid.UUID) -> Select[Message]:
    """A thread's messages on all branches, to be paged. Raises NotFound."""
    find(work, thread_id, "threads.read")
    return queries.messages(thread_id)


def add_message(work: Work, thread_id: uuid.UUID, wish: MessageIn, source: str | None = None) -> Message:
    """Keeps a message, redacted, without asking a model; it becomes the end of the branch that is shown.

    `source` says where its words come from, when that is outside.

    Raises NotFound, and Invalid for a parent in another thread.
    """
    thread = find(work, thread_id, "threads.write", lock=True)
    if wish.parent_id is not None:
        check_message(work, thread, wish.parent_id, "parent_id")
    message = Message(
        id=new_id(), thread_id=thread.id, parent_id=wish.parent_id or thread.message_id, role=wish.role,
        text=redact(wish.text).text, content=None, status="complete", source=source,
    )  # fmt: skip
    append(work, thread, message)
    return message


def search(work: Work, q: str, thread_id: uuid.UUID | None) -> Select[Message]:
    """Messages with the words, to be paged."""
    work.allow("threads.read", Resource("threads", listed=True))
    return queries.hits(work.actor, q, thread_id)


def describe_hits(work: Work, q: str, rows: Sequence[Message]) -> list[Hit]:
    """Found messages with their threads' titles and the text around the words."""
    around = queries.snippets(work.session, q, rows)
    return [
        Hit(
            id=row.id, thread_id=row.thread_id, title=around[row.id][1], role=row.role, snippet=around[row.id][2],
            created_at=row.created_at,
        )
        for row in rows
    ]  # fmt: skip


def find(work: Work, thread_id: uuid.UUID, action: str, *, lock: bool = False) -> Thread:
    """A thread on which the caller may do `action`. Raises NotFound."""
    thread = queries.one(work.session, work.actor, thread_id, lock=lock)
    if thread is None:
        raise NotFound("There is no such thread, or it is not yours.", code="thread_not_found")
    work.allow(action, thread.as_resource)
    return thread


def check_message(work: Work, thread: Thread, message_id: uuid.UUID, field: str) -> Message:
    """The message, of that thread. Raises Invalid."""
    message = queries.message(work.session, thread.id, message_id)
    if message is None:
        raise Invalid.field(field, "there is no such message in this thread")
    return message


def append(work: Work, thread: Thread, message: Message) -> None:
    """Adds a message as the end of the branch that is shown, now."""
    add(work, thread, message)
    work.session.flush()


def add(work: Work, thread: Thread, message: Message) -> None:
    """The same with the unit's end."""
    work.session.add(message)
    thread.message_id = message.id
    thread.last_activity_at = now()
    tell_message(work, thread, message, "message.created")


def tell(work: Work, thread: Thread, name: str) -> None:
    """An event about a thread; titles are for its owner, who reads events of their own."""
    data = {"thread_id": str(thread.id), "title": thread.title}
    work.emit(name, owner_id=thread.owner_id, project_id=thread.project_id, data=data)


def tell_message(work: Work, thread: Thread | Row[Any], message: Message | NewMessage, name: str) -> None:
    """An event about a message, without its text. Of the thread it takes owner and project."""
    work.emit(
        name, owner_id=thread.owner_id, project_id=thread.project_id, task_id=message.task_id,
        data={
            "thread_id": str(message.thread_id), "message_id": str(message.id), "role": message.role,
            "status": message.status, "model": message.model,
        },
    )  # fmt: skip
