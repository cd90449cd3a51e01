"""What came of what. Whoever makes work on something's behalf says so with `Work.because`; the edges are kept here.

Kinds are the words of the paths: `schedules`, `hooks`, `events`, `tasks`, `runs`, `operations`, `deliveries`; or the
room's own, such as `firings` of schedules. What a table already tells, such as the task of a run, is not written down a
second time.
"""

import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from .clock import new_id, now
from .database import Base


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
