"""Sessions and the segments of transcripts."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import SecretHolder

from . import state


class WorkSession(Base):
    """A piece of somebody's work over time; `parent_session_id` puts it below another one, in no circle.

    `closed_at` is since when it takes in nothing new; below a closed session none is open.
    `active_at` is when something last happened that no summary tells of; `summarized_at` is up to when one tells.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("parent_session_id <> id", name="not_its_own_parent"),
        Index("ix_sessions_owner_id_id", "owner_id", "id"),
        Index("ix_sessions_project_id_id", "project_id", "id"),
        Index("ix_sessions_parent_session_id_id", "parent_session_id", "id"),
        Index("ix_sessions_top", "owner_id", "id", postgresql_where=text("parent_session_id IS NULL")),
        Index("ix_sessions_open", "owner_id", "id", postgresql_where=text("closed_at IS NULL")),
        Index("ix_sessions_closed", "owner_id", "id", postgresql_where=text("closed_at IS NOT NULL")),
        Index("ix_sessions_search", "search", postgresql_using="gin"),
        Index("ix_sessions_active_at", "active_at", postgresql_where=text("active_at IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    parent_session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sessions.id", ondelete="RESTRICT"))
    title: Mapped[str]
    closed_at: Mapped[datetime | None]
    active_at: Mapped[datetime | None]
    summarized_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    search: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple', title)", persisted=True), deferred=True
    )

    __mapper_args__ = {"version_id_col": version, "eager_defaults": False}

    @property
    def status(self) -> str:
        """A word of `state`."""
        return state.OPEN if self.closed_at is None else state.CLOSED

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("sessions", self.id, self.owner_id, self.project_id)


class TranscriptSegment(SecretHolder, Base):
    """A part of what was said in a session or run. What is for auditors is sealed; all else holds no secrets.

    `content` is any JSON; that of an `audit` segment lies in the three columns of an envelope instead.
    """

    __tablename__ = "transcript_segments"
    __table_args__ = (
        CheckConstraint("num_nonnulls(session_id, run_id) >= 1", name="of_something"),
        CheckConstraint("(kind = 'audit') = (secret_ciphertext IS NOT NULL)", name="audit_is_sealed"),
        CheckConstraint("num_nonnulls(content, secret_ciphertext) = 1", name="one_content"),
        CheckConstraint("num_nonnulls(secret_ciphertext, secret_key, secret_kid) IN (0, 3)", name="whole_envelope"),
        Index("ix_transcript_segments_session_id_id", "session_id", "id"),
        Index("ix_transcript_segments_run_id_id", "run_id", "id"),
        Index("ix_transcript_segments_project_id_id", "project_id", "id"),
        Index("ix_transcript_segments_secret_kid_id", "secret_kid", "id"),
        Index("ix_transcript_segments_expires_at", "expires_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str]
    content: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    redactions: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
