"""Threads and messages. The messages of a thread form a tree: an edited one is a sibling of what it replaces."""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource

SEARCHED = 200_000
"""Characters of a message that the search looks at; PostgreSQL bounds an entry to a megabyte."""


class Thread(Base):
    """A conversation. `message_id` is the last message of the branch that is shown."""

    __tablename__ = "chat_threads"
    __table_args__ = (
        Index("uq_chat_threads_active", "owner_id", "project_id", unique=True, postgresql_where=text("is_active")),
        Index("uq_chat_threads_client", "owner_id", "project_id", "client_chat_id", unique=True),
        Index("ix_chat_threads_owner_id_id", "owner_id", "id"),
        Index("ix_chat_threads_project_id_id", "project_id", "id"),
        Index("ix_chat_threads_search", "search", postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    title: Mapped[str]
    client_chat_id: Mapped[str | None]
    is_active: Mapped[bool]
    message_id: Mapped[uuid.UUID | None]
    last_activity_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    search: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple', title)", persisted=True), deferred=True
    )

    __mapper_args__ = {"version_id_col": version, "eager_defaults": False}

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("threads", self.id, self.owner_id, self.project_id)


class Message(Base):
    """One message. `text` is what can be read and found of it, `content` the parts where it is more than text.

    `source` is where its words come from, when that is outside: `hook:NAME`.
    """

    __tablename__ = "chat_messages"
    __table_args__ = (
        CheckConstraint("status IN ('complete', 'streaming', 'cut', 'failed')", name="status"),
        CheckConstraint("role IN ('system', 'developer', 'user', 'assistant', 'tool')", name="role"),
        Index("ix_chat_messages_thread_id_id", "thread_id", "id"),
        Index("ix_chat_messages_streaming", "id", postgresql_where=text("status = 'streaming'")),
        Index("ix_chat_messages_task_id", "task_id", postgresql_where=text("task_id IS NOT NULL")),
        Index("ix_chat_messages_search", "search", postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    thread_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("chat_threads.id", ondelete="CASCADE"))
    parent_id: Mapped[uuid.UUID | None]
    role: Mapped[str]
    text: Mapped[str]
    content: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[str]
    source: Mapped[str | None]
    model: Mapped[str | None]
    task_id: Mapped[uuid.UUID | None]
    finish_reason: Mapped[str | None]
    usage: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    search: Mapped[Any] = mapped_column(
        TSVECTOR, Computed(f"to_tsvector('simple', left(text, {SEARCHED}))", persisted=True), deferred=True
    )

    __mapper_args__ = {"eager_defaults": False}


@dataclass(slots=True)
class NewMessage:
    """A message that no session knows: a turn by itself goes straight to the database."""

    thread_id: uuid.UUID
    parent_id: uuid.UUID | None
    role: str
    text: str
    content: list[dict[str, Any]] | None
    status: str
    model: str | None = None
    task_id: uuid.UUID | None = None
    id: uuid.UUID = field(default_factory=new_id)

    def entity(self) -> Message:
        """The message for a session to add."""
        return Message(**asdict(self))
