"""What a node does for this room: it drops history that is older than the operator keeps it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.core.clock import now
from gateway.features.settings import service as settings

from . import service_history

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 1000


async def purge(node: "Node") -> None:
    """Drops old outcomes of planned times, batch by batch."""
    days: int = await node.unit(lambda work: settings.value(work, "schedules.history_days"))
    if not days:
        return
    before = now() - timedelta(days=days)
    while await node.unit(lambda work: service_history.purge(work, before, BATCH)):
        pass


HANDLERS: dict[str, Any] = {}
DUTIES = {purge: 3600.0}
