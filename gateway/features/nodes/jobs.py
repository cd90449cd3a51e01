"""What a node does for the room of nodes: it notices that others are lost, and drops old figures."""

from typing import TYPE_CHECKING, Any

from . import service_presence as presence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.node.node import Node

BATCH = 5000


async def notice_lost(node: "Node") -> None:
    """Tells of nodes that fell silent."""
    await node.unit(lambda work: presence.notice_lost(work, node.LOST_AFTER_S))


async def purge(node: "Node") -> None:
    """Drops old figures of load, batch by batch."""
    while await node.unit(lambda work: presence.purge_samples(work, BATCH)):
        pass


HANDLERS: dict[str, Any] = {}
DUTIES: "dict[Callable[[Node], Awaitable[None]], float]" = {notice_lost: 2.0, purge: 3600.0}
