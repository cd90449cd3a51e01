"""What a node does for limits: it gives back what calls hold that ended without a word."""

from typing import TYPE_CHECKING, Any

from . import service_spending as spending

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 500


async def give_back(node: "Node") -> None:
    """Ends the reservations of dead runs, batch by batch."""
    while await node.unit(lambda work: spending.give_back_left_behind(work, BATCH)) == BATCH:
        pass


async def forget_windows(node: "Node") -> None:
    """Drops what was counted in windows that are long over, batch by batch."""
    while await node.unit(lambda work: spending.forget_windows(work, BATCH)) == BATCH:
        pass


HANDLERS: dict[str, Any] = {}
DUTIES = {give_back: 10.0, forget_windows: 3600.0}
