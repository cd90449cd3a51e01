"""What a node does for this room: it clears away what killed processes left half-way."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from . import service_purge
from .store import LEFT_AFTER_S

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 200


async def sweep(node: "Node") -> None:
    """Deletes received files that were never kept."""
    await asyncio.to_thread(node.store.sweep_incoming, LEFT_AFTER_S, time.time())


async def remove_unused(node: "Node") -> None:
    """Deletes files that no artifact has any more, as far as they lie here; copies do not count."""
    if node.store.is_copy:
        return
    after = ""
    while files := await node.unit(lambda work, after=after: service_purge.noted_files(work, after, BATCH)):  # type: ignore[misc]
        for sha256 in files:
            await node.unit(lambda work, sha256=sha256: service_purge.remove_file(work, node.store, sha256))  # type: ignore[misc]
        after = files[-1]


HANDLERS: dict[str, Any] = {}
DUTIES = {sweep: 600.0, remove_unused: 60.0}
