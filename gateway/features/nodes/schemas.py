"""Nodes on the wire (contract "Nodes")."""

import uuid
from datetime import datetime
from typing import Any, Literal

from gateway.core.schemas import Out


class NodeOut(Out):
    """A node with its state as of its last heartbeat."""

    id: uuid.UUID
    name: str
    host: str
    state: Literal["online", "offline"]
    labels: dict[str, Any]
    capabilities: dict[str, Any]
    concurrency: int
    running: int
    started_at: datetime
    heartbeat_at: datetime
