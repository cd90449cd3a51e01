"""What a node does for messaging: it turns new events into deliveries, and sends what is due."""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from gateway.core.secrets.key_store import KeyStore

from . import queries
from . import service_matching as matching

if TYPE_CHECKING:
    from gateway.node.node import Node

    from .sender import Sender

_SENDERS: "WeakKeyDictionary[Node, Sender]" = WeakKeyDictionary()


async def deliver(node: "Node") -> None:
    """Reads the event log on, and looks for destinations with something due."""
    if not (node in _SENDERS and _SENDERS[node].busy) and not await node.finds(queries.ANYTHING_TO_DO):
        return
    while await node.unit(matching.match_some) == matching.BATCH:
        pass
    if node not in _SENDERS:
        from .sender import Sender  # only here: the kinds' libraries would lengthen every start

        _SENDERS[node] = Sender(node, KeyStore(node.data_dir.keys, node.config.master_key))
    await _SENDERS[node].look()


HANDLERS: dict[str, Any] = {}
ON_NEWS = {deliver: 1.0}
