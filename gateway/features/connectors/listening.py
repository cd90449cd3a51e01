"""What a node keeps open for connectors that hear at once: when a service says something, it looks for what is new."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog

from . import service_execution as execution
from .service_execution import Look

if TYPE_CHECKING:
    from types import ModuleType

    from gateway.node.node import Node

log = structlog.get_logger("gateway.connectors")

PAUSE_S = 30.0
"""How long a connection that broke or was refused is left alone."""


class Ears:
    """The listening side of one node: a task for each connector that it has leased."""

    def __init__(self, node: "Node", carrying: "ModuleType", look_around: Callable[["Node"], Awaitable[None]]) -> None:
        self._node = node
        self._carrying = carrying
        self._look_around = look_around
        self._tasks: dict[uuid.UUID, tuple[Look, asyncio.Task[None]]] = {}
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Prolongs leases, and begins with connectors that nobody listens to."""
        node = self._node
        async with self._turn:
            busy = self._known().keys()
            for wanted in await node.unit(lambda work: execution.listeners(work, node.keys, node.holder, busy)):
                self._tasks[wanted.connector_id] = wanted, asyncio.create_task(self._listen(wanted))

    async def leave_changed(self) -> None:
        """Ends what is open with a credential or settings that are no longer those in force, and begins anew."""
        node = self._node
        async with self._turn:
            if not (known := self._known()):
                return
            changed = await node.unit(lambda work: execution.changed(work, node.holder, known))
            for id_ in changed:
                self._tasks.pop(id_)[1].cancel()
        if changed:
            await self.look()

    def _known(self) -> dict[uuid.UUID, Look]:
        return {id_: wanted for id_, (wanted, task) in self._tasks.items() if not task.done()}

    async def _listen(self, wanted: Look) -> None:
        node, carrying = self._node, self._carrying
        try:
            async with aclosing(carrying.listen(wanted)) as heard:
                async for _ in heard:
                    await node.unit(lambda work: execution.heard(work, wanted))
                    await self._look_around(node)
        except carrying.ConnectorError as error:
            code, message = error.code, str(error)[:600]
            await node.unit(lambda work: execution.look_failed(work, wanted, code, message))
        except Exception as error:  # noqa: BLE001 - its text may hold a secret, so only its kind is logged
            log.warning("listening to a service failed unexpectedly", type=wanted.type, error=type(error).__name__)
        await asyncio.sleep(PAUSE_S)
