"""Preference entries, one row for each scope and key, and every version they ever had."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base

_SCOPE_TYPE = "scope_type IN ('task', 'project', 'user', 'group', 'system')"
_SCOPE_ID = "(scope_id IS NULL) = (scope_type = 'system')"
_VALUE_TYPE = "value_type IN ('string', 'number', 'boolean', 'object', 'array', 'null')"


class PreferenceEntry(Base):
    """What counts now. `owner_id` and `project_id` are those of the user, project or task that the scope is."""

    __tablename__ = "preference_entries"
    __table_args__ = (
        CheckConstraint(_SCOPE_TYPE, name="scope_type"),
        CheckConstraint(_SCOPE_ID, name="scope_id"),
        CheckConstraint(_VALUE_TYPE, name="value_type"),
        UniqueConstraint("scope_type", "scope_id", "key", postgresql_nulls_not_distinct=True),
        Index("ix_preference_entries_owner_id_id", "owner_id", "id"),
        Index("ix_preference_entries_project_id_id", "project_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    scope_type: Mapped[str]
    scope_id: Mapped[uuid.UUID | None]
    owner_id: Mapped[uuid.UUID | None]
    project_id: Mapped[uuid.UUID | None]
    key: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB(), nullable=False)
    value_type: Mapped[str]
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(default=now)
    updated_by: Mapped[str]


class PreferenceChange(Base):
    """One version of an entry; rows are only added. A deletion is a version too, so that no number comes twice."""

    __tablename__ = "preference_history"
    __table_args__ = (
        CheckConstraint(_SCOPE_TYPE, name="scope_type"),
        CheckConstraint(_SCOPE_ID, name="scope_id"),
        CheckConstraint(_VALUE_TYPE, name="value_type"),
        UniqueConstraint("scope_type", "scope_id", "key", "version", postgresql_nulls_not_distinct=True),
        Index("ix_preference_history_owner_id_id", "owner_id", "id"),
        Index("ix_preference_history_project_id_id", "project_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    scope_type: Mapped[str]
    scope_id: Mapped[uuid.UUID | None]
    owner_id: Mapped[uuid.UUID | None]
    project_id: Mapped[uuid.UUID | None]
    key: Mapped[str]
    version: Mapped[int]
    value: Mapped[Any] = mapped_column(JSONB(), nullable=False)
    value_type: Mapped[str]
    is_deleted: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None]
    actor: Mapped[str]
    time: Mapped[datetime] = mapped_column(default=now)
