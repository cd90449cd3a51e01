"""What is left of a thing that a policy has purged: that it was there, whose it was, and why it went.

References to it, in the audit record and elsewhere, so lead to an answer (410) instead of nothing.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from .clock import now
from .database import Base
from .identity import Actor
from .visibility import seen_by

ROW = 150
"""Bytes of a row beside its reason, roughly."""


class Tombstone(Base):
    """One purged thing; `kind` is the word of its path. Nothing here is a foreign key: it outlives them all."""

    __tablename__ = "tombstones"
    __table_args__ = (
        Index("ix_tombstones_id", "id"),
        Index("ix_tombstones_project_id_id", "project_id", "id"),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID | None]
    project_id: Mapped[uuid.UUID | None]
    purged_at: Mapped[datetime] = mapped_column(default=now)
    policy_id: Mapped[uuid.UUID | None]
    reason: Mapped[str]


def bury(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Remembers purged things: rows of `Tombstone`'s columns."""
    if rows:
        session.execute(insert(Tombstone).values(list(rows)).on_conflict_do_nothing())


def find(session: Session, actor: Actor, kind: str, wanted: Sequence[uuid.UUID]) -> list[Tombstone]:
    """Those of the things that were purged, as far as the actor could have seen them."""
    visible = seen_by(actor, f"{kind}.read", owner=Tombstone.owner_id, project=Tombstone.project_id, key=Tombstone.id)
    return list(session.scalars(select(Tombstone).where(Tombstone.kind == kind, Tombstone.id.in_(wanted), visible)))


def rows() -> Select[Any]:
    """All of them, as policies purge them; the id is that of the purged thing, which is older than its tombstone."""
    size = (func.octet_length(Tombstone.reason) + ROW).label("bytes")
    columns: list[Any] = [
        Tombstone.id, Tombstone.purged_at.label("time"), size, Tombstone.owner_id, Tombstone.project_id,
    ]  # fmt: skip
    return select(*columns)


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Forgets these purged things: reading them finds nothing from now on."""
    session.execute(delete(Tombstone).where(Tombstone.id.in_(ids)).execution_options(synchronize_session=False))
