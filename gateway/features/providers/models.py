"""The providers table: model servers that somebody has added."""

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id
from gateway.core.database import Base
from gateway.core.rows import VersionedRow


class Provider(VersionedRow, Base):
    """A model server; `name` is the PROVIDER of its models' ids. It belongs to nobody: who may, uses it."""

    __tablename__ = "providers"
    __table_args__ = (
        CheckConstraint("kind IN ('local', 'ollama', 'openai_compatible')", name="kind"),
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'", name="name"),
        CheckConstraint("kind <> 'openai_compatible' OR base_url IS NOT NULL", name="base_url"),
        Index("ix_providers_credential_id", "credential_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    base_url: Mapped[str | None]
    credential_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("credentials.id", ondelete="RESTRICT"))
    models: Mapped[list[str] | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    last_test: Mapped[dict[str, Any] | None]
