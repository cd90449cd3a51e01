"""Credentials, the master keys that wrap their data keys, and the public half of the recovery key."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import VersionedRow
from gateway.core.secrets.envelope import Sealed


class MasterKey(Base):
    """What is known of a master key; the key itself is never here.

    `current` seals what is new, `retiring` still opens what is not rewrapped yet, `retired` opens nothing any more.
    """

    __tablename__ = "master_keys"
    __table_args__ = (
        CheckConstraint("state IN ('current', 'retiring', 'retired')", name="state"),
        CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name="retired_at"),
        Index("uq_master_keys_current", "state", unique=True, postgresql_where=text("state = 'current'")),
    )

    kid: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="current")
    sealed_for_recovery: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now)
    retired_at: Mapped[datetime | None]


class RecoveryKey(Base):
    """The public half of the recovery key; at most one row."""

    __tablename__ = "recovery_keys"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Credential(VersionedRow, Base):
    """A secret for something outside, sealed; what can be read of it says what it is for."""

    __tablename__ = "credentials"
    __table_args__ = (
        Index("uq_credentials_owner_id_name", "owner_id", "name", unique=True),
        Index("ix_credentials_owner_id_id", "owner_id", "id"),
        Index("ix_credentials_project_id_id", "project_id", "id"),
        Index("ix_credentials_secret_kid", "secret_kid"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    name: Mapped[str]
    kind: Mapped[str]
    description: Mapped[str]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    secret_ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    secret_key: Mapped[bytes] = mapped_column(LargeBinary)
    secret_kid: Mapped[str] = mapped_column(ForeignKey("master_keys.kid", ondelete="RESTRICT"))
    is_active: Mapped[bool] = mapped_column(default=True)
    rotated_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    @property
    def sealed(self) -> Sealed:
        """The secret as it is stored."""
        return Sealed(self.secret_kid, self.secret_key, self.secret_ciphertext)

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("credentials", self.id, self.owner_id, self.project_id)
