"""The runs that this node carries out, and what the records say of them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

log = structlog.get_logger("gateway.node")


class AtWork:
    """Runs by the asyncio task that carries each out."""

    def __init__(self) -> None:
        self._busy: dict[uuid.UUID, asyncio.Task[Any]] = {}
        self._begun: set[uuid.UUID] = set()

    @asynccontextmanager
    async def on(self, run_id: uuid.UUID) -> AsyncIterator[None]:
        """Marks a run as being carried out here by the current task.

        The queue gives a run out twice when its database crashes right after the first time, since fetching does not
        wait for the disk. Whoever comes second waits for the first to end, and learns from the records what is left:
        both are this process, which is all that they could tell them apart by.
        """
        while (first := self._busy.get(run_id)) is not None:
            log.info("the queue gave a run out again that is carried out here already", run_id=str(run_id))
            await asyncio.wait([first])
        task = asyncio.current_task()
        assert task is not None
        self._busy[run_id] = task
        try:
            yield
        finally:
            self._busy.pop(run_id, None)
            self._begun.discard(run_id)

    def has_begun(self, run_id: uuid.UUID) -> None:
        """The records say from now on that the run is carried out here."""
        self._begun.add(run_id)

    def is_ending(self, run_id: uuid.UUID) -> None:
        """The records may say at any moment from now on that the run is not carried out here any more."""
        self._begun.discard(run_id)

    def __len__(self) -> int:
        return len(self._busy)

    def all(self) -> set[uuid.UUID]:
        """The runs being carried out here, and those about to begin."""
        return set(self._busy)

    def begun(self) -> set[uuid.UUID]:
        """The runs that the records, too, say are carried out here."""
        return set(self._begun)

    def drop(self, run_ids: set[uuid.UUID]) -> None:
        """Stops runs that are no longer this node's."""
        for run_id in run_ids:
            task = self._busy.get(run_id)
            if task is not None:
                log.info("stopping a run that was taken away", run_id=str(run_id))
                task.cancel()
