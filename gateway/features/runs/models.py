"""Runs, jobs and logs."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.tracing import Span, span_id

CHOOSY = "status = 'pending' AND queue NOT IN ('default', 'sandbox')"
"""Runs that wait for a node of a kind, not just for any."""


class Run(Base):
    """One attempt at some work.

    Of kind `task` it is carried out by a node: only `holder`, the process that claimed it, may write, and only while it
    is running. `agent` is what a sub-agent does within such a run. `external` is a tool's own, kept by whoever owns it;
    with a `lease_s` it fails when nothing is heard of it for so long.
    """

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'running', 'completed', 'failed', 'canceled')", name="status"),
        CheckConstraint("kind IN ('task', 'agent', 'external')", name="kind"),
        CheckConstraint("(start_id IS NULL) = (started_at IS NULL)", name="start_id"),
        Index("ix_runs_owner_id_id", "owner_id", "id"),
        Index("ix_runs_owner_id_status_id", "owner_id", "status", "id"),
        Index("ix_runs_owner_id_start_id", "owner_id", "start_id"),
        Index("ix_runs_start_id", "start_id"),
        Index("ix_runs_session_id_id", "session_id", "id"),
        Index("ix_runs_parent_run_id_id", "parent_run_id", "id"),
        Index("ix_runs_trace_id_id", "trace_id", "id", postgresql_where=text("trace_id IS NOT NULL")),
        Index("ix_runs_lease", "lease_until", postgresql_where=text("status IN ('pending', 'running')")),
        Index("ix_runs_project_id_id", "project_id", "id"),
        Index("ix_runs_task_id_id", "task_id", "id"),
        Index("ix_runs_status_id", "status", "id"),
        Index("ix_runs_open", "id", postgresql_where=text("status IN ('pending', 'running')")),
        Index("ix_runs_choosy", "queue", postgresql_where=text(CHOOSY)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    task_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sessions.id", ondelete="RESTRICT"))
    parent_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(default="task", server_default="task")
    name: Mapped[str | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict, server_default=text("'{}'::jsonb"))
    trace_id: Mapped[str | None]
    """Where another program's trace goes on; without one the task, or the run itself, is the trace."""
    parent_span_id: Mapped[str | None]
    node_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("nodes.id", ondelete="SET NULL"))
    holder: Mapped[uuid.UUID | None]
    queue: Mapped[str] = mapped_column(default="default", server_default=text("'default'"))
    queue_job_id: Mapped[int | None]
    requires: Mapped[dict[str, Any] | None]
    attempt: Mapped[int]
    status: Mapped[str] = mapped_column(default="pending")
    error: Mapped[dict[str, Any] | None]
    log_seq: Mapped[int] = mapped_column(default=0)
    log_pieces: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many of its node's pieces of log were taken, whether kept or cut."""
    log_bytes: Mapped[int] = mapped_column(default=0, server_default="0")
    log_cut: Mapped[bool] = mapped_column(default=False, server_default="false")
    has_sub_agents: Mapped[bool] = mapped_column(default=False, server_default="false")
    lease_s: Mapped[float | None]
    lease_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Counts what is seen of the run itself; its log counts for itself."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    start_id: Mapped[uuid.UUID | None]
    """In the order of `started_at`, and unique: what lists by times of start page over."""
    ended_at: Mapped[datetime | None]

    @property
    def span(self) -> Span:
        """The run's place in its trace."""
        return Span(self.trace_id or (self.task_id or self.id).hex, span_id(self.id))

    @property
    def traceparent(self) -> str:
        """What the run's work hands on."""
        return str(self.span)

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("runs", self.id, self.owner_id, self.project_id)


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
    model: Mapped[str | None]
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
    data: Mapped[dict[str, Any] | None]
