"""Spend limits, what was used under each in a window, and what running calls have reserved."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import VersionedRow


class SpendLimit(VersionedRow, Base):
    """What one subject may spend on model calls in a window. `owner_id` is the user whom it binds, if it is one."""

    __tablename__ = "spend_limits"
    __table_args__ = (
        CheckConstraint("subject_type IN ('provider', 'token', 'user', 'system')", name="subject_type"),
        CheckConstraint("(subject_id IS NULL) = (subject_type = 'system')", name="subject_id"),
        CheckConstraint("\"window\" IN ('hour', 'day', 'month')", name="window"),
        CheckConstraint("num_nonnulls(max_requests, max_tokens, max_cost_micros) > 0", name="some_limit"),
        UniqueConstraint("subject_type", "subject_id", "window", postgresql_nulls_not_distinct=True),
        Index("ix_spend_limits_owner_id_id", "owner_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    subject_type: Mapped[str]
    subject_id: Mapped[str | None]
    owner_id: Mapped[uuid.UUID | None]
    window: Mapped[str]
    max_requests: Mapped[int | None]
    max_tokens: Mapped[int | None]
    max_cost_micros: Mapped[int | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("spend_limits", self.id, self.owner_id)


class UsageWindow(Base):
    """What was used, and is reserved, under a limit in the window that starts at `starts_at`."""

    __tablename__ = "usage_windows"
    __table_args__ = (
        CheckConstraint(
            "reserved_requests >= 0 AND reserved_tokens >= 0 AND reserved_cost_micros >= 0", name="reserved"
        ),
    )

    limit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("spend_limits.id", ondelete="CASCADE"), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    used_requests: Mapped[int] = mapped_column(default=0)
    used_tokens: Mapped[int] = mapped_column(default=0)
    used_cost_micros: Mapped[int] = mapped_column(default=0)
    reserved_requests: Mapped[int] = mapped_column(default=0)
    reserved_tokens: Mapped[int] = mapped_column(default=0)
    reserved_cost_micros: Mapped[int] = mapped_column(default=0)


class SpendReservation(Base):
    """What one running call holds; it goes with the call, with its run, or at `expires_at`.

    `windows` lists the [limit id, start] of each window that it is reserved in.
    """

    __tablename__ = "spend_reservations"
    __table_args__ = (Index("ix_spend_reservations_expires_at", "expires_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    run_id: Mapped[uuid.UUID | None]
    tokens: Mapped[int]
    cost_micros: Mapped[int]
    windows: Mapped[list[Any]] = mapped_column(JSONB())
    expires_at: Mapped[datetime]
