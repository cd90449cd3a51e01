"""The event log, write side: every event has a gap-free number in commit order.

Numbers are taken from one row, locked at the very end of a unit of work and held until its commit:
whoever reads up to number N has seen everything before N (spec quality.md, "Event numbers").
"""

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from .clock import new_id, now
from .database import Base

CHANNEL = "gateway_events"
"""NOTIFY channel; a notification is only a hint, its payload is the newest number."""


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


APPEND = text("""
    WITH head AS (
        UPDATE event_head SET seq = seq + :count WHERE id = 1 RETURNING seq, seq - :count AS before
    ), added AS (
        INSERT INTO events (seq, id, name, time, actor, owner_id, task_id, run_id, project_id, tags, data)
        SELECT head.before + position, event.id, event.name, event.time, event.actor, event.owner_id, event.task_id,
               event.run_id, event.project_id, event.tags, event.data
          FROM head,
               ROWS FROM (
                   jsonb_to_recordset(CAST(:events AS jsonb))
                       AS (id uuid, name text, time timestamptz, actor text, owner_id uuid, task_id uuid, run_id uuid,
                           project_id uuid, tags text[], data jsonb)
               ) WITH ORDINALITY
                 AS event (id, name, time, actor, owner_id, task_id, run_id, project_id, tags, data, position)
    )
    SELECT pg_notify(:channel, head.seq::text) FROM head
""")
"""Numbers, stores and announces events in one statement: the lock on numbering is held for one round trip less."""


def append(session: Session, events: list[NewEvent]) -> None:
    """Numbers and stores `events`. Call it last before commit: it takes the lock on numbering."""
    rows = json.dumps([asdict(event) for event in events], default=str)
    session.execute(APPEND, {"count": len(events), "channel": CHANNEL, "events": rows})
