"""What a node does for this room: it makes the partitions of the months that come."""

from typing import TYPE_CHECKING, Any

from . import service

if TYPE_CHECKING:
    from gateway.node.node import Node


async def add_partitions(node: "Node") -> None:
    """Makes what is missing, months before it is needed."""
    await node.unit(service.add_partitions)


HANDLERS: dict[str, Any] = {}
DUTIES = {add_partitions: 6 * 3600.0}
