"""Collects what a run writes and stores it in batches: at once when it is quiet, five times a second when not."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.core.storable import storable
from gateway.features.runs.service_holding import Fenced
from gateway.features.runs.service_logs import LogBatch, LogPiece

from . import service_execution as execution

if TYPE_CHECKING:
    from gateway.node.node import Node

FLUSH_EVERY_S = 0.2
PROGRESS_EVERY_S = 1.0

PIECE = 32 * 1024
"""Letters of one entry at most, so that reading some entries costs little memory."""

MOST_WAITING = 4 * 2**20
"""Letters that wait to be stored before whoever writes them has to wait, too."""

PATIENCE_S = 30.0


def _pieces(text: str) -> Iterator[str]:
    """The text in entries' sizes, cut at ends of lines where there are some."""
    begin = 0
    while len(text) - begin > PIECE:
        end = text.rfind("\n", begin, begin + PIECE) + 1 or begin + PIECE
        yield text[begin:end]
        begin = end
    yield text[begin:]


class RunLog:
    """The log of one run on this node. `fenced` turns true when the run was taken away."""

    def __init__(self, node: "Node", run_id: uuid.UUID) -> None:
        self._node = node
        self._run_id = run_id
        self._lines: list[LogPiece] = []
        self._stored = 0
        self._waiting = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._written = asyncio.Event()
        self._exclusive = asyncio.Lock()
        self._progress_at = 0.0
        self.fenced = False

    def write(self, job_id: uuid.UUID | None, stream: str, text: str) -> None:
        """Adds text; pieces of one stream that follow each other become one message."""
        if not text:
            return
        self._waiting += len(text)
        for piece in _pieces(storable(text)):
            if self._lines and self._goes_on(job_id, stream, piece):
                _, _, time, before = self._lines[-1]
                self._lines[-1] = (job_id, stream, time, before + piece)
            else:
                self._lines.append((job_id, stream, datetime.now(UTC), piece))
        self._written.set()
        if self._waiting > MOST_WAITING:
            self._has_room.clear()

    def _goes_on(self, job_id: uuid.UUID | None, stream: str, piece: str) -> bool:
        last = self._lines[-1]
        return last[:2] == (job_id, stream) and len(last[3]) + len(piece) <= PIECE

    def room(self) -> Coroutine[Any, Any, None] | None:
        """To be awaited by who writes more than is stored: until there is room again, or for a while at least."""
        return None if self._has_room.is_set() else self._wait_for_room()

    async def _wait_for_room(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._has_room.wait()

    def progress(self, job_id: uuid.UUID | None, message: str, done: int, total: int) -> None:
        """Tells how far long preparation is, once a second."""
        now = asyncio.get_running_loop().time()
        if now - self._progress_at >= PROGRESS_EVERY_S or done >= total:
            self._progress_at = now
            share = f"{100 * done // total} %" if total else f"{done} bytes"
            self.write(job_id, "system", f"{message}: {share}\n")

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[LogBatch]:
        """What is not stored yet, to be stored by the caller together with something else."""
        async with self._exclusive:
            lines, self._lines = self._lines, []
            size, self._waiting = self._waiting, 0
            self._written.clear()
            try:
                yield LogBatch(self._stored, lines)
            except BaseException:
                self._lines = lines + self._lines
                self._waiting += size
                raise
            self._stored += len(lines)
            if self._waiting <= MOST_WAITING:
                self._has_room.set()

    async def keep_flushing(self, owner: "asyncio.Task[None]") -> None:
        """Stores what comes until canceled; cancels `owner` when the run is no longer this node's."""
        try:
            while True:
                await self._written.wait()
                async with self.taken() as lines:
                    if lines.pieces:
                        await self._node.unit(
                            lambda work, lines=lines: execution.append_log(  # type: ignore[misc]
                                work, self._run_id, self._node.holder, lines
                            )
                        )
                await asyncio.sleep(FLUSH_EVERY_S)
        except Fenced:
            self.fenced = True
            owner.cancel()
