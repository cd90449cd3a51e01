"""What came of what. Whoever makes work on something's behalf says so with `Work.because`; the edges are kept here.

Kinds are the words of the paths: `schedules`, `hooks`, `events`, `tasks`, `runs`, `operations`, `deliveries`; or the
room's own, such as `firings` of schedules. What a table already tells, such as the task of a run, is not written down a
second time.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Select, delete, func, null, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from .clock import new_id, now
from .database import Base

ROW = 150
"""Bytes of a row beside its reason, roughly."""


class Cause(Base):
    """One edge. Neither end is a foreign key: the edge stays when what it speaks of is purged."""

    __tablename__ = "causes"
    __table_args__ = (
        Index("ix_causes_effect_id_effect_kind", "effect_id", "effect_kind"),
        Index("ix_causes_cause_id_cause_kind_id", "cause_id", "cause_kind", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    cause_kind: Mapped[str]
    cause_id: Mapped[uuid.UUID]
    effect_kind: Mapped[str]
    effect_id: Mapped[uuid.UUID]
    reason: Mapped[str]
    time: Mapped[datetime] = mapped_column(default=now)


def rows() -> Select[Any]:
    """All of them, as policies purge them."""
    size = (func.octet_length(Cause.reason) + ROW).label("bytes")
    nobody = (null().label("owner_id"), null().label("project_id"))
    columns: list[Any] = [Cause.id, Cause.time.label("time"), size, *nobody]
    return select(*columns)


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Forgets these edges; what they led from and to is not touched."""
    session.execute(delete(Cause).where(Cause.id.in_(ids)).execution_options(synchronize_session=False))
