"""Background processes, what they wrote, and what is still to be written to them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource


class Process(Base):
    """One process of a run. `holder` is the node's process that has taken the wish up; only that may write."""

    __tablename__ = "processes"
    __table_args__ = (
        CheckConstraint("status IN ('starting', 'running', 'exited', 'terminated', 'failed')", name="status"),
        Index("ix_processes_run_id_id", "run_id", "id"),
        Index("ix_processes_project_id_id", "project_id", "id"),
        Index("ix_processes_open", "run_id", postgresql_where=text("status IN ('starting', 'running')")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    task_id: Mapped[uuid.UUID | None]
    name: Mapped[str]
    command: Mapped[str]
    env: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="starting")
    holder: Mapped[uuid.UUID | None]
    exit_code: Mapped[int | None]
    reason: Mapped[str | None]
    terminate_at: Mapped[datetime | None]
    grace_s: Mapped[float | None]
    output_seq: Mapped[int] = mapped_column(default=0)
    truncated: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("processes", self.id, self.owner_id, self.project_id)


class ProcessOutput(Base):
    """A piece of what a process wrote."""

    __tablename__ = "process_output"

    process_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("processes.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[str]
    time: Mapped[datetime] = mapped_column(default=now)
    text: Mapped[str]


class ProcessPort(Base):
    """A port of a process's sandbox that is wanted on the loopback of its node, and where it is there, once it is.

    `user_id`, `token_id`, `via`, `through` and `address` say who wants it: as soon as they may not any more, it is
    taken back.
    """

    __tablename__ = "process_ports"
    __table_args__ = (CheckConstraint("port BETWEEN 1 AND 65535", name="port"),)

    process_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("processes.id", ondelete="CASCADE"), primary_key=True)
    port: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    local_port: Mapped[int | None]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_id: Mapped[uuid.UUID | None]
    via: Mapped[str]
    through: Mapped[str] = mapped_column(default="", server_default="")
    address: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ProcessInput(Base):
    """What a process is still to read, until its node says that it has. `text` is null for the end of the input."""

    __tablename__ = "process_input"
    __table_args__ = (Index("ix_process_input_process_id_id", "process_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    process_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("processes.id", ondelete="CASCADE"))
    text: Mapped[str | None]
