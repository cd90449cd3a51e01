"""The artifacts table; the bytes lie in the data directory under their SHA-256."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource


class Artifact(Base):
    """One named file. Rows with one SHA-256 share one stored file. `task_id` names no foreign key on
    purpose: an artifact outlives the task that made it."""

    __tablename__ = "artifacts"
    __table_args__ = (
        CheckConstraint("origin IN ('upload', 'task')", name="origin"),
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_artifacts_owner_id_id", "owner_id", "id"),
        Index("ix_artifacts_project_id_id", "project_id", "id"),
        Index("ix_artifacts_task_id_id", "task_id", "id"),
        Index("ix_artifacts_run_id_id", "run_id", "id"),
        Index("ix_artifacts_sha256", "sha256"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    task_id: Mapped[uuid.UUID | None]
    run_id: Mapped[uuid.UUID | None]
    origin: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("artifacts", self.id, self.owner_id, self.project_id)


class UnusedFile(Base):
    """A file that a deleted artifact had, or that a node brought; it goes unless an artifact has the same bytes."""

    __tablename__ = "artifact_unused_files"

    sha256: Mapped[str] = mapped_column(primary_key=True)
