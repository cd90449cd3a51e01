"""The node's heartbeat: that it lives, what it can do, and how loaded it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.core.unit_of_work import Work
from gateway.features.nodes import service_presence as presence

from .node import Node

SAMPLE_EVERY = 5
"""Every how many heartbeats the load is kept, for plots."""


class Pulse:
    """Writes the node's row, again and again."""

    def __init__(self, node: Node, rejoin: Callable[[], Awaitable[None]]) -> None:
        """`rejoin` makes the row anew, should somebody have removed it."""
        self._node = node
        self._rejoin = rejoin
        self._beats = 0
        node.load()  # the first look at the processors has nothing to compare with

    async def beat(self) -> None:
        """One heartbeat."""
        node, is_sample = self._node, self._beats % SAMPLE_EVERY == 0
        load = await asyncio.to_thread(node.load)

        def write(work: Work, found: dict[str, Any]) -> bool:
            running = len(node.at_work)
            return presence.heartbeat(work, node.id, running=running, capabilities=found, load=load, sample=is_sample)

        if not await node.report(write):
            await self._rejoin()
        self._beats += 1
