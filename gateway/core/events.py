"""The event log, write side: every event has a gap-free number in commit order.

Numbers are taken from one row, locked at the very end of a unit of work and held until its commit:
whoever reads up to number N has seen everything before N (docs/events.md). The database
does it, in `event_append`, a function of the schema.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from .clock import new_id, now
from .database import Base
from .driver.statements import Statement

CHANNEL = "gateway_events"
"""NOTIFY channel; a notification is only a hint: the newest number, and the names of the events that came."""


class EventHead(Base):
    """The last number given out; exactly one row."""

    __tablename__ = "event_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]


class Event(Base):
    """One thing that happened. `owner_id` is the user who may see it."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_owner_id_seq", "owner_id", "seq"),
        Index("ix_events_task_id_seq", "task_id", "seq"),
        Index("ix_events_project_id_id", "project_id", "id"),
        Index("ix_events_of_tools", "run_id", postgresql_where=text("task_id IS NULL AND run_id IS NOT NULL")),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[uuid.UUID] = mapped_column(unique=True)
    name: Mapped[str]
    time: Mapped[datetime]
    actor: Mapped[str]
    owner_id: Mapped[uuid.UUID | None]
    task_id: Mapped[uuid.UUID | None]
    run_id: Mapped[uuid.UUID | None]
    project_id: Mapped[uuid.UUID | None]
    tags: Mapped[list[str]]
    data: Mapped[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has a number."""

    name: str
    actor: str
    owner_id: uuid.UUID | None = None
    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    tags: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    id: uuid.UUID = field(default_factory=new_id)
    time: datetime = field(default_factory=now)


def told_by(payload: str) -> list[str]:
    """The names that a notification gives, each once; none where it does not say."""
    return payload.split(" ")[1:]


def row_of(event: NewEvent) -> dict[str, Any]:
    """The column values of an event, but for its number."""
    return {name: getattr(event, name) for name in NewEvent.__slots__}


def appended(events: list[NewEvent]) -> Statement:
    """What numbers, stores and announces `events`. It comes last before the commit: it takes the lock on numbering."""
    rows = [row_of(event) for event in events]
    return "SELECT event_append(%(events)s::jsonb)", {"events": json.dumps(rows, default=str)}
