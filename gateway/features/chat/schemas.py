"""Threads and messages on the wire."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from gateway.core.schemas import In, Out, PageQuery, Versioned

Title = Annotated[str, Field(min_length=1, max_length=300)]
Words = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="words that must be there, as in a web search; the last one may be only begun",
    ),
]


class ThreadIn(In):
    """A new thread of the caller's."""

    may_be_absent = True

    title: Title | None = None
    project_id: uuid.UUID | None = None


class ThreadPatch(In):
    """What may change: the title, and which branch is shown, by its last message."""

    title: Title | None = None
    message_id: uuid.UUID | None = None


class ThreadQuery(PageQuery):
    """Filters of the list; `q` searches titles and messages."""

    project_id: uuid.UUID | None = None
    q: Words | None = None


class ThreadOut(Versioned):
    """A thread. `is_active` is the one that messages without a thread go to."""

    owner_id: uuid.UUID
    project_id: uuid.UUID
    title: str
    client_chat_id: str | None
    is_active: bool
    message_id: uuid.UUID | None
    last_activity_at: datetime


class MessageIn(In):
    """A message to be kept, without asking a model. `parent_id`: after which one; the last of the branch otherwise.

    The text may be called `content`, too, as in OpenAI's messages.
    """

    text: Annotated[str, Field(min_length=1, max_length=1_000_000, validation_alias=AliasChoices("text", "content"))]
    role: Literal["user", "assistant", "system"] = "user"
    parent_id: uuid.UUID | None = None


class MessageOut(Out):
    """A message. Those with the same `parent_id` stand for one another, on branches of their own.

    `source` says where its words come from, when they are not what its role says: `hook:NAME`.
    """

    id: uuid.UUID
    thread_id: uuid.UUID
    parent_id: uuid.UUID | None
    role: str
    text: str
    source: str | None
    content: list[dict[str, Any]] | None
    status: Literal["complete", "streaming", "cut", "failed"]
    model: str | None
    task_id: uuid.UUID | None
    finish_reason: str | None
    usage: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


class SearchQuery(PageQuery):
    """What to look for in messages."""

    q: Words
    thread_id: uuid.UUID | None = None


class Hit(Out):
    """A message that was found. `snippet` is the text around the words, each of them between « and »."""

    id: uuid.UUID
    thread_id: uuid.UUID
    title: str
    role: str
    snippet: str
    created_at: datetime
