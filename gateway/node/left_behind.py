"""Takes up what nodes that are gone were doing beside runs, whose rooms take them over by themselves."""

import structlog

from gateway import registry
from gateway.features.runs import service_background as background

from .node import Node

log = structlog.get_logger("gateway.node")

LOOK_S = 2.0
"""How often a node looks for it."""


class LeftBehind:
    """Looks for jobs whose worker is gone."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lost, self._given_up = (
            {name: act for door in registry.doors("jobs") for name, act in getattr(door, which, {}).items()}
            for which in ("LOST", "GIVEN_UP")
        )

    async def look(self) -> None:
        """Puts back what was found, and has its room say what becomes of what is given up."""
        again, over = await self._node.unit(lambda work: background.take_up(work, self._lost, self._given_up))
        if again:
            log.info("took up what lost nodes were doing", count=again)
        for name in over:
            log.warning("gave a job up that has cost a node each time", job=name, tries=background.MOST_TRIES)
