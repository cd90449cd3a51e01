"""What a node does for this room: ends answers that a killed gateway left."""

from typing import TYPE_CHECKING

import structlog

from . import service_turns as turns

if TYPE_CHECKING:
    from gateway.node.node import Node

log = structlog.get_logger("gateway.chat")


async def end_lost_answers(node: "Node") -> None:
    """Answers that nobody writes on any more end as the agent's task has, or are cut."""
    if count := await node.unit(turns.end_lost):
        log.info("ended answers that were left", count=count)


HANDLERS: dict[str, object] = {}
DUTIES = {end_lost_answers: 5.0}
