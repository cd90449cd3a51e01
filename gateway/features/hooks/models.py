"""Hooks, their secrets, the requests that came to them, the deliveries that were seen, and answers that are owed."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import SecretHolder, VersionedRow
from gateway.core.secrets.envelope import Sealed

VERIFY = ("standard_webhooks", "github", "slack", "hmac", "token", "discord")


class Hook(VersionedRow, Base):
    """A place that the world may post to. `condition` is a template that says which requests are acted on.

    `by_token` is the API token that said what is to be done; nothing where its owner did so signed in.
    """

    __tablename__ = "hooks"
    __table_args__ = (
        CheckConstraint(
            "verify IN ('standard_webhooks', 'github', 'slack', 'hmac', 'token', 'discord')", name="verify"
        ),
        CheckConstraint("rate_per_minute > 0", name="rate_per_minute"),
        Index("ix_hooks_owner_id_id", "owner_id", "id"),
        Index("ix_hooks_project_id_id", "project_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    verify: Mapped[str]
    verify_options: Mapped[dict[str, Any]]
    condition: Mapped[str | None]
    action: Mapped[dict[str, Any]]
    sample: Mapped[dict[str, Any] | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    rate_per_minute: Mapped[int]
    by_token: Mapped[uuid.UUID | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("hooks", self.id, self.owner_id, self.project_id)


class HookSecret(Base):
    """A secret of a hook; during a rotation there are several, of which the older ones expire."""

    __tablename__ = "hook_secrets"
    __table_args__ = (
        Index("ix_hook_secrets_hook_id_id", "hook_id", "id"),
        Index("ix_hook_secrets_secret_kid", "secret_kid"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    hook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"))
    secret_ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    secret_key: Mapped[bytes] = mapped_column(LargeBinary)
    secret_kid: Mapped[str] = mapped_column(ForeignKey("master_keys.kid", ondelete="RESTRICT"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]

    @property
    def sealed(self) -> Sealed:
        """The secret as it is stored."""
        return Sealed(self.secret_kid, self.secret_key, self.secret_ciphertext)


class HookRequest(Base):
    """A request that came to a hook, without its secrets, and what came of it. `repeats`: how often it came again."""

    __tablename__ = "hook_requests"
    __table_args__ = (
        CheckConstraint("outcome IN ('accepted', 'ignored', 'answered', 'failed', 'rejected')", name="outcome"),
        Index("ix_hook_requests_hook_id_id", "hook_id", "id"),
        Index("ix_hook_requests_hook_id_outcome_id", "hook_id", "outcome", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    hook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"))
    received_at: Mapped[datetime]
    outcome: Mapped[str]
    status: Mapped[int]
    reason: Mapped[str | None]
    delivery_id: Mapped[str | None]
    address: Mapped[str | None]
    query: Mapped[dict[str, Any]]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int]
    answer: Mapped[dict[str, Any] | None]
    task_id: Mapped[uuid.UUID | None]
    replay_of: Mapped[uuid.UUID | None]
    repeats: Mapped[int] = mapped_column(default=0)


class HookDelivery(Base):
    """Something that may count once at a hook: a delivery's id, or what was signed."""

    __tablename__ = "hook_deliveries"

    hook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    request_id: Mapped[uuid.UUID]
    status: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class HookReply(SecretHolder, Base):
    """An answer that is owed where a request came from, once its task has ended. The address is a secret: it is sealed.

    `turn` holds the ids of the turn of the chat whose answer it is, if any. With `connector_id` it goes through that
    connector to `channel`; `said` is then the digest of its text, by which the hook knows its own words again.
    """

    __tablename__ = "hook_replies"
    __table_args__ = (
        CheckConstraint("status IN ('owed', 'sent', 'failed')", name="status"),
        Index("ix_hook_replies_owed", "next_at", postgresql_where=text("status = 'owed'")),
        Index("ix_hook_replies_hook_id_id", "hook_id", "id"),
        Index("ix_hook_replies_secret_kid", "secret_kid"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    hook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"))
    task_id: Mapped[uuid.UUID]
    format: Mapped[str | None]
    allowed_hosts: Mapped[list[str]] = mapped_column(JSONB, default=list)
    turn: Mapped[dict[str, Any] | None]
    connector_id: Mapped[uuid.UUID | None]
    channel: Mapped[str | None]
    thread: Mapped[str | None]
    said: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(default="owed")
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    next_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)
