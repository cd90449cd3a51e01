"""What a node does for this room: marks answers that a killed gateway left."""

from typing import TYPE_CHECKING

import structlog

from . import service_turns as turns

if TYPE_CHECKING:
    from gateway.node.node import Node

log = structlog.get_logger("gateway.chat")


async def cut_lost_answers(node: "Node") -> None:
    """Answers that nobody writes on any more are cut, and say so."""
    if count := await node.unit(turns.cut_lost):
        log.info("marked answers as cut", count=count)


HANDLERS: dict[str, object] = {}
DUTIES = {cut_lost_answers: 60.0}
