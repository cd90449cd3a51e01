"""The nodes table."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base


class Node(Base):
    """A worker process, known by its name; it writes its own row every few seconds."""

    __tablename__ = "nodes"
    __table_args__ = (CheckConstraint("concurrency > 0", name="concurrency"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    pid: Mapped[int]
    labels: Mapped[dict[str, Any]]
    capabilities: Mapped[dict[str, Any]]
    concurrency: Mapped[int]
    running: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime] = mapped_column(default=now)
    heartbeat_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]
