"""Where a node looks for what is new now: each connector on its own, so that a slow one delays only itself."""

import asyncio
import uuid
from typing import TYPE_CHECKING

import structlog

from . import service_execution as execution
from .service_execution import Look

if TYPE_CHECKING:
    from types import ModuleType

    from gateway.node.node import Node

log = structlog.get_logger("gateway.connectors")

MOST_LOOKS = 32
"""Connectors that one node looks at at the same time; one look takes a minute at most."""


class Eyes:
    """The looking side of one node: a task for each connector that is being looked at."""

    def __init__(self, node: "Node", carrying: "ModuleType") -> None:
        self._node = node
        self._carrying = carrying
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}

    async def look(self) -> None:
        """Begins with what is due and not being looked at; waits for none of it."""
        node = self._node
        self._tasks = {id_: task for id_, task in self._tasks.items() if not task.done()}
        busy, room = set(self._tasks), MOST_LOOKS - len(self._tasks)
        if room <= 0:
            return
        for wanted in await node.unit(lambda work: execution.looks(work, node.keys, busy, room)):
            self._tasks[wanted.connector_id] = asyncio.create_task(self._look(wanted))

    async def _look(self, wanted: Look) -> None:
        node, carrying = self._node, self._carrying
        try:
            name, found = await carrying.look(wanted)
            await node.unit(lambda work: execution.looked(work, wanted, name, found.position, list(found.happenings)))
        except carrying.ConnectorError as error:
            code, message = error.code, str(error)[:600]
            await node.unit(lambda work: execution.look_failed(work, wanted, code, message))
        except Exception as error:  # noqa: BLE001 - its text may hold a secret, so only its kind is logged
            log.warning("a look for what is new failed unexpectedly", type=wanted.type, error=type(error).__name__)
