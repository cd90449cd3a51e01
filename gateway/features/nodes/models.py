"""Nodes, and how loaded they were."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base


class Node(Base):
    """A worker process, known by its name; it writes its own row every few seconds.

    `admission` is what an operator has ordered; it outlives the process, as the name does.
    """

    __tablename__ = "nodes"
    __table_args__ = (
        CheckConstraint("concurrency > 0", name="concurrency"),
        CheckConstraint("admission IN ('open', 'draining', 'drained', 'disabled')", name="admission"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    pid: Mapped[int]
    labels: Mapped[dict[str, Any]]
    capabilities: Mapped[dict[str, Any]]
    concurrency: Mapped[int]
    running: Mapped[int] = mapped_column(default=0)
    load: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    admission: Mapped[str] = mapped_column(default="open", server_default=text("'open'"))
    version: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime] = mapped_column(default=now)
    heartbeat_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    refresh_asked_at: Mapped[datetime | None]


class NodeSample(Base):
    """How loaded a node was at a moment."""

    __tablename__ = "node_samples"
    __table_args__ = (Index("ix_node_samples_time", "time"),)

    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id", ondelete="CASCADE"), primary_key=True)
    time: Mapped[datetime] = mapped_column(primary_key=True, default=now)
    cpu_percent: Mapped[float]
    memory_percent: Mapped[float]
    running: Mapped[int]
