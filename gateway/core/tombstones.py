"""What is left of a thing that a policy has purged: that it was there, whose it was, and why it went.

References to it, in the audit record and elsewhere, so lead to an answer (410) instead of nothing.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from .clock import now
from .database import Base
from .identity import Actor
from .visibility import seen_by


class Tombstone(Base):
    """One purged thing; `kind` is the word of its path. Nothing here is a foreign key: it outlives them all."""

    __tablename__ = "tombstones"

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
