"""Every select on threads and messages."""

import json
import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    UUID,
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from gateway.core.clock import now
from gateway.core.database import Base
from gateway.core.driver.fixed_queries import FixedQuery, KeyedQuery
from gateway.core.driver.statements import Statement
from gateway.core.events import NewEvent, row_of
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by
from gateway.features.identity import service_tokens as tokens
from gateway.features.projects import service as projects

from .models import Message, NewMessage, Thread

_PLACES = projects.default_places().subquery()
_USUAL = (
    select(
        _PLACES.c.owner_id, _PLACES.c.id.label("project_id"), _PLACES.c.is_active, Thread.id.label("thread_id"),
        Thread.last_activity_at,
    )
    .join(Thread, and_(Thread.project_id == _PLACES.c.id, Thread.owner_id == _PLACES.c.owner_id))
    .where(Thread.is_active)
)  # fmt: skip
_USUAL_OF = KeyedQuery(
    _USUAL.add_columns(_PLACES.c.owner_id.label("key")).where(
        _PLACES.c.owner_id == any_(bindparam("keys", type_=ARRAY(UUID(as_uuid=True))))
    )
)
CALLERS = tokens.callers(_USUAL)
_ACTIVE = FixedQuery(
    select(Thread.id.label("thread_id"), Thread.owner_id, Thread.project_id, Thread.last_activity_at).where(
        Thread.owner_id == bindparam("owner_id"), Thread.project_id == bindparam("project_id"), Thread.is_active
    )
)
_MESSAGES = Base.metadata.tables[Message.__tablename__]
_BEGUN = re.compile(r"(?<!\S)\w+$")
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
        wanted = _wanted(q)
        said = exists().where(Message.thread_id == Thread.id, Message.search.op("@@")(wanted))
        query = query.where(or_(Thread.search.op("@@")(wanted), said))
    return query


def one(session: Session, actor: Actor, thread_id: uuid.UUID, *, lock: bool = False) -> Thread | None:
    """A thread the actor may see."""
    query = visible(actor).where(Thread.id == thread_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def usual(session: Session, owner_id: uuid.UUID) -> Any:
    """The active thread of a user's default project: as `active`, and whether that project is active; None without."""
    return _USUAL_OF.first(session, owner_id)


def active(session: Session, owner_id: uuid.UUID, project_id: uuid.UUID) -> Any:
    """The thread that messages without one go to: thread_id, owner_id, project_id, last_activity_at; None without."""
    return _ACTIVE.first(session, owner_id=owner_id, project_id=project_id)


def retire(session: Session, thread_id: uuid.UUID) -> None:
    """Messages without a thread go to this one no more."""
    found = update(Thread).where(Thread.id == thread_id, Thread.is_active)
    session.execute(found.values(is_active=False).execution_options(synchronize_session=False))


def begin(session: Session, thread: Thread) -> bool:
    """Adds an empty thread, unless somebody who came at the same time has begun the one that is wanted; whether it did.

    Of two the second waits for the first one's commit.
    """
    names = ("id", "owner_id", "project_id", "title", "client_chat_id", "is_active")
    added = insert(Thread).values({name: getattr(thread, name) for name in names}).on_conflict_do_nothing()
    return session.execute(added.returning(Thread.id)).first() is not None


def of_client(session: Session, owner_id: uuid.UUID, project_id: uuid.UUID, client_chat_id: str) -> Thread | None:
    """The thread of a client's chat, locked."""
    query = select(Thread).where(
        Thread.owner_id == owner_id, Thread.project_id == project_id, Thread.client_chat_id == client_chat_id
    )
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def go_on(thread_id: uuid.UUID, said: NewMessage, answer: NewMessage) -> Statement:
    """Appends what was said and its answer, which is being written, to whatever the thread's last message is then."""
    turn = {
        "thread_id": thread_id, "moment": now(), "said_id": said.id, "role": said.role, "text": said.text,
        "content": said.content, "answer_id": answer.id, "model": answer.model,
    }  # fmt: skip
    return "SELECT chat_go_on(%(turn)s::jsonb)", {"turn": json.dumps(turn, default=str)}


def end(thread_id: uuid.UUID, message_id: uuid.UUID, stored: Statement | None, **how: Any) -> Statement:
    """Stores how an answer ended; `stored` is what stored its turn, if that may have been lost."""
    answer = {"thread_id": thread_id, "id": message_id, "moment": now(), **how}
    turn = stored[1]["turn"] if stored is not None else None
    return "SELECT chat_end(%(answer)s::jsonb, %(turn)s::jsonb)", {
        "answer": json.dumps(answer, default=str), "turn": turn,
    }  # fmt: skip


def tell(event: NewEvent, message_id: uuid.UUID) -> Statement:
    """Tells an event of a message, if it is there at the commit."""
    return "SELECT chat_tell(%(event)s::jsonb, %(id)s)", {
        "event": json.dumps(row_of(event), default=str),
        "id": message_id,
    }


def name_task(message_id: uuid.UUID, task_id: uuid.UUID) -> Statement:
    """Says which task gives an answer."""
    return "UPDATE chat_messages SET task_id = %(task_id)s WHERE id = %(id)s", {"id": message_id, "task_id": task_id}


def save(session: Session, message_id: uuid.UUID, text_: str) -> None:
    """Stores an answer as far as it has come, while it is being written."""
    written = update(_MESSAGES).where(_MESSAGES.c.id == message_id, _MESSAGES.c.status == "streaming")
    session.execute(written.values(text=text_))


def messages(thread_id: uuid.UUID) -> Select[Message]:
    """A thread's messages, on all branches."""
    return select(Message).where(Message.thread_id == thread_id)


def visible_messages(actor: Actor, wanted: ColumnElement[bool]) -> Select[Message]:
    """Some messages of threads that the actor may see."""
    query = select(Message).join(Thread, Thread.id == Message.thread_id).where(wanted)
    seen = seen_by(actor, "threads.read", owner=Thread.owner_id, project=Thread.project_id, key=Thread.id)
    return query.where(seen).order_by(Message.id).limit(AT_ONCE)


def message(session: Session, thread_id: uuid.UUID, message_id: uuid.UUID) -> Message | None:
    """One message of a thread."""
    return session.scalar(messages(thread_id).where(Message.id == message_id))


def branch(session: Session, thread_id: uuid.UUID, leaf_id: uuid.UUID, most: int | None = None) -> Sequence[Message]:
    """The messages from the first to `leaf_id`, or the last `most` of them."""
    leaf = Message.thread_id == thread_id, Message.id == leaf_id
    path = select(Message.id, Message.parent_id, literal(1).label("number")).where(*leaf).cte("path", recursive=True)
    above = aliased(Message)
    further = select(above.id, above.parent_id, path.c.number + 1).join(path, above.id == path.c.parent_id)
    path = path.union_all(further if most is None else further.where(path.c.number < most))
    return session.scalars(select(Message).where(Message.id.in_(select(path.c.id))).order_by(Message.id)).all()


def hits(actor: Actor, q: str, thread_id: uuid.UUID | None) -> Select[Message]:
    """The messages that hold the words, in threads the actor may see."""
    wanted = _wanted(q)
    query = select(Message).where(
        Message.search.op("@@")(wanted), Message.thread_id.in_(visible(actor).with_only_columns(Thread.id))
    )
    return query.where(Message.thread_id == thread_id) if thread_id is not None else query


def snippets(session: Session, q: str, found: Sequence[Message]) -> dict[uuid.UUID, Row[uuid.UUID, str, str]]:
    """(id, title, snippet) of each: the text around the words."""
    wanted = _wanted(q)
    snippet = func.ts_headline("simple", func.left(Message.text, 20_000), wanted, literal_column(_SNIPPET))
    query = select(Message.id, Thread.title, snippet).join(Thread, Thread.id == Message.thread_id)
    rows = session.execute(query.where(Message.id.in_([message.id for message in found])))
    return {row[0]: row for row in rows}


def _wanted(q: str) -> ColumnElement[Any]:
    """A query of full-text search: words as in a web search, the last of which may be only begun."""
    begun = _BEGUN.search(q)
    before = q[: begun.start()] if begun else ""
    if begun is None or q.count('"') % 2 or before.lower().split()[-1:] == ["or"]:
        return func.websearch_to_tsquery("simple", q)
    word = func.to_tsquery("simple", f"{begun[0]}:*")
    return func.websearch_to_tsquery("simple", before).op("&&")(word) if before else word


def unfinished(session: Session, before: datetime) -> Sequence[Message]:
    """Answers that nobody has written on since, locked; those that somebody else ends are left to them."""
    stale = select(Message).where(Message.status == "streaming", Message.updated_at < before)
    return session.scalars(stale.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
