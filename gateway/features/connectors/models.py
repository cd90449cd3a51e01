"""Connectors, their credentials, what is lent of them, and every operation that was asked for."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import SecretHolder, VersionedRow

_UNFINISHED = text("status IN ('queued', 'running')")
_HELD = text("status = 'held'")


class Connector(VersionedRow, Base):
    """An installed connector: a type, its settings, and what is allowed with it.

    It is its owner's; the members of `group_id` may use it too. `operations` are those learned from a server, None
    for a type that has its own. `state` is `stopped` after its credential was refused several times running.
    `listener` is the node process that keeps a connection open to hear of what is new at once.
    """

    __tablename__ = "connectors"
    __table_args__ = (
        CheckConstraint("state IN ('ok', 'stopped')", name="state"),
        CheckConstraint("(state = 'stopped') = (stopped_reason IS NOT NULL)", name="stopped_reason"),
        CheckConstraint("hold_s BETWEEN 0 AND 86400", name="hold_s"),
        Index("uq_connectors_owner_id_name", "owner_id", "name", unique=True),
        Index("ix_connectors_owner_id_id", "owner_id", "id"),
        Index("ix_connectors_project_id_id", "project_id", "id"),
        Index("ix_connectors_group_id_id", "group_id", "id"),
        Index("ix_connectors_poll_at", "poll_at", postgresql_where=text("poll_at IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    group_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("groups.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    type: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    config: Mapped[dict[str, Any]]
    rules: Mapped[dict[str, Any]]
    hold_s: Mapped[int] = mapped_column(default=0)
    enabled: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(default="ok")
    stopped_reason: Mapped[str | None]
    auth_failures: Mapped[int] = mapped_column(default=0)
    operations: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    last_test: Mapped[dict[str, Any] | None]
    last_error: Mapped[dict[str, Any] | None]
    last_ok_at: Mapped[datetime | None]
    position: Mapped[dict[str, Any]] = mapped_column(default=dict)
    poll_at: Mapped[datetime | None]
    listener: Mapped[uuid.UUID | None]
    listener_until: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it; whoever uses it through its group meets it as their own."""
        return Resource("connectors", self.id, self.owner_id, self.project_id)


class ConnectorCredential(VersionedRow, SecretHolder, Base):
    """What a connector signs in with, sealed; the newest active one is in force. A revoked one holds nothing."""

    __tablename__ = "connector_credentials"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'disabled', 'revoked')", name="state"),
        CheckConstraint("(state = 'revoked') = (secret_ciphertext IS NULL)", name="secret"),
        CheckConstraint("num_nonnulls(secret_ciphertext, secret_key, secret_kid) IN (0, 3)", name="sealed"),
        Index("ix_connector_credentials_connector_id_id", "connector_id", "id"),
        Index("ix_connector_credentials_secret_kid", "secret_kid"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    connector_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connectors.id", ondelete="CASCADE"))
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="active")
    fields: Mapped[list[str]]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class ConnectorGrant(Base):
    """The use of an operation, or of all of one mode, lent until a time and for some times.

    Without `user_id` it is lent to whoever may use the connector. `constraints` hold arguments to values or globs.
    """

    __tablename__ = "connector_grants"
    __table_args__ = (
        CheckConstraint("used BETWEEN 0 AND uses", name="used"),
        Index("ix_connector_grants_connector_id_id", "connector_id", "id"),
        Index("ix_connector_grants_connector_id_until", "connector_id", "until"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    connector_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connectors.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    operation: Mapped[str]
    constraints: Mapped[dict[str, Any]]
    uses: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    until: Mapped[datetime]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ConnectorOperation(Base):
    """One operation that was asked for, and what came of it.

    `by_token` is the API token that asked, if one did. `request` holds the arguments until it has ended, `arguments`
    what stays of them: without secrets. `result` is kept for a day.
    """

    __tablename__ = "connector_operations"
    __table_args__ = (
        CheckConstraint(
            "status IN ('denied', 'held', 'queued', 'running', 'completed', 'failed', 'undone')", name="status"
        ),
        CheckConstraint("decision IN ('allow', 'deny', 'ask')", name="decision"),
        Index("ix_connector_operations_connector_id_id", "connector_id", "id"),
        Index("ix_connector_operations_connector_id_status_id", "connector_id", "status", "id"),
        Index("ix_connector_operations_connector_id_operation_id", "connector_id", "operation", "id"),
        Index("ix_connector_operations_task_id_id", "task_id", "id", postgresql_where=text("task_id IS NOT NULL")),
        Index("ix_connector_operations_held", "id", postgresql_where=_HELD),
        Index("ix_connector_operations_due_at", "due_at", postgresql_where=_HELD),
        Index("ix_connector_operations_unfinished", "id", postgresql_where=_UNFINISHED),
        Index("ix_connector_operations_ended_at", "ended_at", postgresql_where=text("result IS NOT NULL")),
        Index(
            "uq_connector_operations_key", "connector_id", "actor_id", "idempotency_key", unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    connector_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connectors.id", ondelete="CASCADE"))
    actor_id: Mapped[uuid.UUID]
    actor: Mapped[str]
    by_token: Mapped[uuid.UUID | None]
    operation: Mapped[str]
    mode: Mapped[str]
    status: Mapped[str]
    decision: Mapped[str]
    reason: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    request: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    request_bytes: Mapped[int]
    answer_bytes: Mapped[int | None]
    duration_ms: Mapped[int | None]
    task_id: Mapped[uuid.UUID | None]
    run_id: Mapped[uuid.UUID | None]
    grant_id: Mapped[uuid.UUID | None]
    credential_id: Mapped[uuid.UUID | None]
    idempotency_key: Mapped[str | None]
    holder: Mapped[uuid.UUID | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
