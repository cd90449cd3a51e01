"""What a node does for this room: it tries the commands of triggers, and drops history older than it is kept."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from gateway.core.clock import now
from gateway.features.settings import service as settings

from . import queries, service_history

if TYPE_CHECKING:
    from gateway.node.node import Node

    from .prober import Prober

BATCH = 1000

_PROBERS: "WeakKeyDictionary[Node, Prober]" = WeakKeyDictionary()


async def probe(node: "Node") -> None:
    """Tries commands whose exit schedules wait for."""
    if node not in _PROBERS:
        from .prober import Prober  # only here: what fires would lengthen every start

        _PROBERS[node] = Prober(node)
    await _PROBERS[node].look()


async def purge(node: "Node") -> None:
    """Drops old outcomes of planned times, batch by batch."""
    days: int = await node.unit(lambda work: settings.value(work, "schedules.history_days"))
    if not days:
        return
    before = now() - timedelta(days=days)
    while await node.unit(lambda work: service_history.purge(work, before, BATCH)):
        pass


HANDLERS: dict[str, Any] = {}
LOOKS = {probe: queries.ANY_PROBE_IS_DUE}
DUTIES = {probe: 1.0, purge: 3600.0}
