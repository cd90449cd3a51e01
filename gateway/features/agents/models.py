"""Findings about acceptance criteria, and the outside sources that fed a task."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base


class AgentFinding(Base):
    """Whether an answer met one criterion. `round` counts answers from 0; `command` is the check that ran."""

    __tablename__ = "agent_findings"
    __table_args__ = (
        UniqueConstraint("run_id", "round", "position"),
        Index("ix_agent_findings_task_id_id", "task_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID]
    round: Mapped[int]
    position: Mapped[int]
    criterion: Mapped[str]
    passed: Mapped[bool]
    reason: Mapped[str]
    command: Mapped[str | None]
    exit_code: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class AgentSource(Base):
    """A source outside whose content a task was fed: `web:docs.python.org`, `file:notes.txt`."""

    __tablename__ = "agent_sources"

    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
