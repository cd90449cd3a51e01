"""What a node does for the whole gateway: it drops what has expired."""

from typing import TYPE_CHECKING, Any

from gateway.core import idempotency
from gateway.features.identity import service_sessions as sign_ins

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 1000


async def purge(node: "Node") -> None:
    """Drops old idempotency keys and expired sign-ins, batch by batch."""
    while await node.unit(lambda work: idempotency.purge(work.session, BATCH)):
        pass
    while await node.unit(lambda work: sign_ins.purge_expired(work, BATCH)):
        pass


HANDLERS: dict[str, Any] = {}
DUTIES = {purge: 3600.0}
