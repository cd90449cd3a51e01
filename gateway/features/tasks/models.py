"""Tasks, their tags, attachments, dependencies and history."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, Computed, ForeignKey, Index, func, literal_column, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource

_NO_DURATION = timedelta(days=-1)
_DURATION = "COALESCE(ended_at - started_at, '-1 days'::interval)"


class Task(Base):
    """What was asked for. Large inputs and outputs are deferred, so that lists stay small."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("kind IN ('prompt', 'script', 'commands')", name="kind"),
        CheckConstraint("status IN ('queued', 'waiting', 'running', 'completed', 'failed', 'canceled')", name="status"),
        CheckConstraint("num_nonnulls(prompt, script, commands) = 1", name="one_input"),
        CheckConstraint("timeout_s > 0", name="timeout_s"),
        Index("uq_tasks_owner_id_name", "owner_id", "name", unique=True),
        Index("ix_tasks_owner_id_id", "owner_id", "id"),
        Index("ix_tasks_owner_id_status_id", "owner_id", "status", "id"),
        Index("ix_tasks_status_id", "status", "id"),
        Index("ix_tasks_project_id_id", "project_id", "id"),
        Index("ix_tasks_session_id_id", "session_id", "id"),
        Index("ix_tasks_name_id", "name", "id"),
        Index("ix_tasks_duration_id", text(_DURATION), "id"),
        Index("ix_tasks_owner_id_duration_id", "owner_id", text(_DURATION), "id"),
        Index("ix_tasks_search", "search", postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sessions.id", ondelete="RESTRICT"))
    name: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    summary: Mapped[str]
    prompt: Mapped[str | None] = mapped_column(deferred=True)
    script: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    commands: Mapped[list[str] | None] = mapped_column(deferred=True)
    continue_on_error: Mapped[bool] = mapped_column(default=False)
    acceptance_criteria: Mapped[list[str]]
    tags: Mapped[list[str]]
    priority: Mapped[int]
    timeout_s: Mapped[float]
    model: Mapped[str | None]
    network: Mapped[bool]
    requires: Mapped[dict[str, Any] | None]
    env: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", deferred=True)
    run_id: Mapped[uuid.UUID | None]
    attempts: Mapped[int] = mapped_column(default=0)
    exit_code: Mapped[int | None]
    output: Mapped[str | None] = mapped_column(deferred=True)
    error: Mapped[dict[str, Any] | None]
    created_by_token: Mapped[uuid.UUID | None]
    traceparent: Mapped[str | None] = mapped_column(deferred=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    search: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple', name || ' ' || summary)", persisted=True), deferred=True
    )

    __mapper_args__ = {"version_id_col": version, "eager_defaults": False}

    @hybrid_property
    def duration(self) -> timedelta:
        """From its start to its end, for their order: what has not begun and ended comes before the shortest."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else _NO_DURATION

    @duration.inplace.expression
    @classmethod
    def _duration(cls) -> ColumnElement[timedelta]:
        return func.coalesce(cls.ended_at - cls.started_at, literal_column("'-1 days'::interval"))

    @property
    def duration_s(self) -> float | None:
        """The same in seconds, where there is one."""
        return self.duration.total_seconds() if self.started_at and self.ended_at else None

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("tasks", self.id, self.owner_id, self.project_id)


class TaskName(Base):
    """How often a user has used a name, so that the next suffix is found without a search."""

    __tablename__ = "task_names"

    owner_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    uses: Mapped[int]


class TaskTag(Base):
    """A tag of a task, keyed so that one tag's tasks are one index range, of one user and of all."""

    __tablename__ = "task_tags"
    __table_args__ = (Index("ix_task_tags_tag_task_id", "tag", "task_id"),)

    owner_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, index=True)


class TaskAttachment(Base):
    """An artifact that lies in the task's inputs."""

    __tablename__ = "task_attachments"

    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    artifact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("artifacts.id", ondelete="RESTRICT"), index=True)


class TaskDependency(Base):
    """`task_id` waits for `depends_on_id`."""

    __tablename__ = "task_dependencies"

    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    depends_on_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class TaskChange(Base):
    """One change of a task's status, with who made it and why."""

    __tablename__ = "task_changes"
    __table_args__ = (Index("ix_task_changes_task_id_id", "task_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    time: Mapped[datetime] = mapped_column(default=now)
    before: Mapped[str | None]
    after: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    run_id: Mapped[uuid.UUID | None]
