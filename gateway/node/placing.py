"""Which queues the node takes from at this moment, and what it has been ordered to do."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import structlog
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from gateway.core.unit_of_work import Work
from gateway.features.nodes import placement
from gateway.features.nodes import service_presence as presence
from gateway.features.nodes.service_presence import Outlook
from gateway.features.runs import service_placement as waiting

from .node import Node

log = structlog.get_logger("gateway.node")


FETCH = """
    SELECT (job).id, (job).status, (job).task_name, (job).priority, (job).lock, (job).queueing_lock, (job).args,
           (job).scheduled_at, (job).queue_name, (job).attempts, (job).worker_id
      FROM (SELECT procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker_id)s) AS job
              FROM generate_series(1, %(free)s)) AS fetched,
           set_config('synchronous_commit', 'off', true)
     WHERE (job).id IS NOT NULL
"""
"""Procrastinate's own function once for each free hand; being volatile, it is called in the subquery alone.

It does not wait for the disk: the commit in which a run begins does, and what is before it is on disk then, too. What a
crash loses is in the queue again.
"""


REMOVE = "DELETE FROM procrastinate_jobs WHERE id = %(job_id)s"


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

        def read(work: Work) -> tuple[Outlook | None, list[waiting.Wanted]]:
            return presence.outlook(work, node.id), waiting.wanted(work)

        found, wanted = await node.unit(read)
        if found is None:
            log.warning("the node's row was removed; joining anew")
            await self._rejoin()
            return
        self.queues = placement.queues_for(found.node, found.others, wanted)
        if found.node.admission == "disabled":
            node.at_work.drop(node.at_work.begun())
        elif found.node.admission == "draining" and not node.at_work:
            await node.unit(lambda work: presence.drained(work, node.id))
        await self._refresh(found.refresh_asked_at)

    async def _refresh(self, asked_at: datetime | None) -> None:
        is_new = self._has_looked and asked_at is not None and asked_at != self._last_refresh
        self._has_looked, self._last_refresh = True, asked_at
        if is_new:
            await self._node.look_anew()
            await self._node.report(lambda work, found: presence.refreshed(work, self._node.id, found))


class SuitableJobs(JobManager):
    """Hands the queue's worker jobs of suitable queues only. It listens to all of them, since they change.

    As many as the node has free hands for are fetched at once; the worker asks for one after the other.
    """

    def __init__(self, base: JobManager, placing: Placing, node: Node) -> None:
        super().__init__(base.connector)
        self._placing = placing
        self._node = node
        self._fetched: deque[Job] = deque()
        self._handed_out = 0

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job that suits the node."""
        if not self._fetched and self._placing.queues:
            free = max(1, self._node.config.node_concurrency - self._handed_out)
            rows = await self.connector.execute_query_all_async(
                query=FETCH, queues=self._placing.queues, worker_id=worker_id, free=free
            )
            self._fetched.extend(Job.from_row(row) for row in rows)
        if not self._fetched:
            return None
        self._handed_out += 1
        return self._fetched.popleft()

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Takes a job out of the queue, where it has not left it with the end of its run."""
        self._handed_out -= 1
        assert job.id is not None
        if self._node.is_in_queue(job.id):
            await self.connector.execute_query_async(query=REMOVE, job_id=job.id)
