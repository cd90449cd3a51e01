"""What a node does for this room: it clears away what killed processes left half-way."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.node.node import Node

LEFT_AFTER_S = 3600.0
"""A received file that nobody has written to or moved for so long belongs to nobody."""


async def sweep(node: "Node") -> None:
    """Deletes received files that were never kept."""
    await asyncio.to_thread(node.store.sweep_incoming, LEFT_AFTER_S, time.time())


HANDLERS: dict[str, Any] = {}
DUTIES = {sweep: 600.0}
