"""Destinations, subscriptions, deliveries and their attempts, and how far the event log was read."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import SecretHolder, VersionedRow

IS_PENDING = text("status = 'pending'")


class Destination(VersionedRow, SecretHolder, Base):
    """A place that messages go to. `leased_by` is the node process that sends there now, until `leased_until`.

    `failing_since` is when the first of the failures was that no success has followed yet.
    """

    __tablename__ = "messaging_destinations"
    __table_args__ = (
        CheckConstraint("(secret_ciphertext IS NULL) = (secret_key IS NULL)", name="secret"),
        CheckConstraint("(secret_ciphertext IS NULL) = (secret_kid IS NULL)", name="secret_kid"),
        Index("ix_messaging_destinations_user_id", "user_id"),
        Index("ix_messaging_destinations_user_id_id", "user_id", "id"),
        Index("ix_messaging_destinations_destination_type", "destination_type"),
        Index("ix_messaging_destinations_is_active", "is_active"),
        Index("ix_messaging_destinations_secret_kid", "secret_kid"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    name: Mapped[str]
    destination_type: Mapped[str]
    destination_config: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(default=True)
    disabled_reason: Mapped[str | None]
    is_ordered: Mapped[bool] = mapped_column(default=False)
    per_minute: Mapped[int | None]
    failing_since: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_error: Mapped[dict[str, Any] | None]
    paused_until: Mapped[datetime | None]
    leased_by: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("destinations", self.id, self.user_id)


class Subscription(VersionedRow, Base):
    """Which events go to a destination. With `digest_s` one message holds all of that many seconds.

    `by_token` is the API token that said so last; nothing where somebody did so signed in.
    """

    __tablename__ = "messaging_subscriptions"
    __table_args__ = (
        Index("ix_messaging_subscriptions_destination_id", "destination_id"),
        Index("ix_messaging_subscriptions_event_pattern", "event_pattern"),
        Index("ix_messaging_subscriptions_user_id_id", "user_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    destination_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messaging_destinations.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    event_pattern: Mapped[str]
    filter: Mapped[dict[str, Any] | None]
    template: Mapped[str | None]
    digest_s: Mapped[int | None]
    by_token: Mapped[uuid.UUID | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("subscriptions", self.id, self.user_id)


class Delivery(Base):
    """One event on its way to one destination, once per subscription. Its id stays the same on every attempt.

    `step` counts the attempts since it was last put into the queue, `attempts` all. What went with another one's
    digest is `merged` into that; `held` is what came while the destination was off.
    """

    __tablename__ = "messaging_deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'held', 'delivered', 'failed', 'merged')", name="status"),
        CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt_at"),
        CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name="merged_into"),
        Index("uq_messaging_deliveries_subscription_id_event_seq", "subscription_id", "event_seq", unique=True),
        Index(
            "ix_messaging_deliveries_due", "destination_id", "next_attempt_at", "event_seq",
            postgresql_where=IS_PENDING,
        ),
        Index("ix_messaging_deliveries_waiting", "destination_id", "event_seq", postgresql_where=IS_PENDING),
        Index("ix_messaging_deliveries_user_id_id", "user_id", "id"),
        Index("ix_messaging_deliveries_user_id_status_id", "user_id", "status", "id"),
        Index("ix_messaging_deliveries_destination_id_id", "destination_id", "id"),
        Index("ix_messaging_deliveries_destination_id_status_id", "destination_id", "status", "id"),
        Index("ix_messaging_deliveries_event_name_id", "event_name", "id"),
        Index("ix_messaging_deliveries_merged_into", "merged_into"),
        Index("ix_messaging_deliveries_event_seq", "event_seq"),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    destination_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messaging_destinations.id", ondelete="CASCADE"))
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("messaging_subscriptions.id", ondelete="SET NULL")
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    event_seq: Mapped[int | None]
    event_name: Mapped[str]
    event: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="pending")
    is_digest: Mapped[bool] = mapped_column(default=False)
    merged_into: Mapped[uuid.UUID | None]
    next_attempt_at: Mapped[datetime | None]
    step: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("deliveries", self.id, self.user_id)


class Attempt(Base):
    """One try to take a delivery there."""

    __tablename__ = "messaging_attempts"
    __table_args__ = (
        CheckConstraint("status IN ('succeeded', 'failed')", name="status"),
        Index("ix_messaging_attempts_delivery_id_id", "delivery_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messaging_deliveries.id", ondelete="CASCADE"))
    number: Mapped[int]
    status: Mapped[str]
    started_at: Mapped[datetime]
    latency_ms: Mapped[int]
    response_status: Mapped[int | None]
    error: Mapped[dict[str, Any] | None]


class Position(Base):
    """How far the event log was turned into deliveries; exactly one row."""

    __tablename__ = "messaging_position"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
