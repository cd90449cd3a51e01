"""Runs, jobs and logs."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base


class Run(Base):
    """One attempt on one node. Only `holder`, the process that claimed it, may write, and only while it is running."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'running', 'completed', 'failed', 'canceled')", name="status"),
        Index("ix_runs_owner_id_id", "owner_id", "id"),
        Index("ix_runs_project_id_id", "project_id", "id"),
        Index("ix_runs_task_id_id", "task_id", "id"),
        Index("ix_runs_status_id", "status", "id"),
        Index("ix_runs_open", "id", postgresql_where=text("status IN ('pending', 'running')")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    task_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    session_id: Mapped[uuid.UUID | None]
    parent_run_id: Mapped[uuid.UUID | None]
    node_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("nodes.id", ondelete="SET NULL"))
    holder: Mapped[uuid.UUID | None]
    queue_job_id: Mapped[int | None]
    attempt: Mapped[int]
    status: Mapped[str] = mapped_column(default="pending")
    error: Mapped[dict[str, Any] | None]
    log_seq: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Job(Base):
    """One dispatched unit of work of a run: a script, one command of a series, one model call."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'canceled', 'skipped')", name="status"),
        CheckConstraint("kind IN ('script', 'command', 'model')", name="kind"),
        Index("uq_jobs_run_id_position", "run_id", "position", unique=True),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str]
    command: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="queued")
    exit_code: Mapped[int | None]
    stdout: Mapped[str] = mapped_column(default="")
    stderr: Mapped[str] = mapped_column(default="")
    truncated: Mapped[bool] = mapped_column(default=False)
    error: Mapped[dict[str, Any] | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class LogEntry(Base):
    """A piece of a run's log, as it was written; a message may hold several lines."""

    __tablename__ = "run_logs"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID | None]
    stream: Mapped[str]
    time: Mapped[datetime] = mapped_column(default=now)
    message: Mapped[str]
