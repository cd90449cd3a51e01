"""What a node does for sessions: it drops segments of transcripts whose time is over."""

from typing import TYPE_CHECKING, Any

from . import service_transcripts

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 500


async def purge_transcripts(node: "Node") -> None:
    """Deletes expired segments, batch by batch."""
    while await node.unit(lambda work: service_transcripts.purge(work, BATCH)) == BATCH:
        pass


HANDLERS: dict[str, Any] = {}
DUTIES = {purge_transcripts: 300.0}
