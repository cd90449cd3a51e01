"""Which queues the node takes from at this moment, and what it has been ordered to do."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import structlog
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from gateway.core.unit_of_work import Work
from gateway.features.nodes import placement
from gateway.features.nodes import service_presence as presence
from gateway.features.nodes.service_presence import Outlook
from gateway.features.runs import service as runs

from .node import Node

log = structlog.get_logger("gateway.node")


class Placing:
    """Follows the node's orders and the queues that suit it. Takes from none before the first look."""

    def __init__(self, node: Node, rejoin: Callable[[], Awaitable[None]]) -> None:
        """`rejoin` makes the node's row anew, should somebody have removed it."""
        self.queues: list[str] = []
        self._node = node
        self._rejoin = rejoin
        self._last_refresh: datetime | None = None
        self._has_looked = False

    async def look(self) -> None:
        """Reads the records and acts on them."""
        node = self._node

        def read(work: Work) -> tuple[Outlook | None, list[runs.Wanted]]:
            return presence.outlook(work, node.id), runs.wanted(work)

        found, waiting = await node.unit(read)
        if found is None:
            log.warning("the node's row was removed; joining anew")
            await self._rejoin()
            return
        self.queues = placement.queues_for(found.node, found.others, waiting)
        if found.node.admission == "disabled":
            node.drop(node.begun())
        elif found.node.admission == "draining" and not node.running:
            await node.unit(lambda work: presence.drained(work, node.id))
        await self._refresh(found.refresh_asked_at)

    async def _refresh(self, asked_at: datetime | None) -> None:
        is_new = self._has_looked and asked_at is not None and asked_at != self._last_refresh
        self._has_looked, self._last_refresh = True, asked_at
        if is_new:
            await self._node.look_anew()
            capabilities = await self._node.capabilities()
            await self._node.unit(lambda work: presence.refreshed(work, self._node.id, capabilities))


class SuitableJobs(JobManager):
    """Hands the queue's worker jobs of suitable queues only. It listens to all of them, since they change."""

    def __init__(self, base: JobManager, placing: Placing) -> None:
        super().__init__(base.connector)
        self._placing = placing

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job that suits the node."""
        if not self._placing.queues:
            return None
        return await super().fetch_job(self._placing.queues, worker_id)
