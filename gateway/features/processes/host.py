"""The background processes of one run on this node: each in a sandbox over the run's workspace, none outlives it."""

import asyncio
import codecs
import math
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import structlog

from gateway.adapters.sandboxes.base import Attachment, Command, Limits, Outcome, Sandbox, SandboxError
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.core.clock import now
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from . import service_node
from .forwarding import Forwarding
from .service_node import SANDBOX_ENDED, Ending, Piece, Report, Start

log = structlog.get_logger("gateway.processes")

ON_REQUEST = "terminated on request"
KILLED = "killed on request: it did not end in time"


class Ground(Protocol):
    """What processes need of their node."""

    config: Config
    holder: uuid.UUID
    hosts: "dict[uuid.UUID, Host]"

    async def sandbox(self) -> Sandbox:
        """The sandbox of this machine. Raises SandboxUnavailable."""

    async def unit(self, act: Callable[[Work], Any]) -> Any:
        """Runs `act` in a unit of work of the node's own."""


@asynccontextmanager
async def hosted(
    node: Ground, run_id: uuid.UUID, folder: Path, *, env: dict[str, str], network: bool, seconds: float
) -> AsyncIterator[None]:
    """While this is open, background processes may run in the workspace; when it closes, none is left."""
    host = Host(node, run_id, folder, env, network, seconds)
    node.hosts[run_id] = host
    try:
        yield
    finally:
        del node.hosts[run_id]
        await uninterrupted(host.close())


class Host:
    """Starts, feeds and ends the processes of one run, and keeps what they write until it is reported."""

    def __init__(
        self, node: Ground, run_id: uuid.UUID, folder: Path, env: dict[str, str], network: bool, seconds: float
    ) -> None:
        self._node = node
        self._run_id = run_id
        self._folder = folder
        self._env = env
        self._network = network
        self._seconds = seconds
        self._hosted: dict[uuid.UUID, Hosted] = {}
        self._reporting = asyncio.Lock()

    def start(self, wish: Start) -> None:
        """Starts a process that is not there yet; whatever comes of it is in the next reports."""
        if wish.process_id not in self._hosted:
            self._hosted[wish.process_id] = Hosted(
                self._node, self._folder, wish, {**self._env, **wish.env}, self._network, self._seconds
            )

    @property
    def is_idle(self) -> bool:
        """Whether no process is left, and what became of each is stored."""
        return not self._hosted

    def has(self, process_id: uuid.UUID) -> "Hosted | None":
        """The process, if it is one of this run's."""
        return self._hosted.get(process_id)

    async def report(self) -> None:
        """Stores what has become of the processes since the last time."""
        async with self._reporting:
            told = {id_: report for id_, hosted in self._hosted.items() if (report := hosted.take()) is not None}
            try:
                if told:
                    await self._node.unit(lambda work: service_node.report(work, self._node.holder, told))
            except BaseException:
                for process_id, report in told.items():
                    self._hosted[process_id].give_back(report)
                raise
            for process_id in [id_ for id_, report in told.items() if report.ending is not None]:
                del self._hosted[process_id]

    async def close(self) -> None:
        """Kills what still runs, waits until none is left, and reports."""
        for hosted in self._hosted.values():
            hosted.kill(SANDBOX_ENDED)
        await asyncio.gather(*(hosted.ended() for hosted in self._hosted.values()))
        await self.report()


class Hosted:
    """One background process."""

    def __init__(
        self, node: Ground, folder: Path, wish: Start, env: dict[str, str], network: bool, seconds: float
    ) -> None:
        config = node.config
        self._node = node
        self._folder = folder
        self._command = Command(["bash", "-c", wish.command], env, network)
        self._limits = Limits(
            wall_s=seconds, cpu_s=max(1, int(seconds) + 1), memory_bytes=config.task_memory_bytes,
            output_bytes=config.output_limit_bytes,
        )  # fmt: skip
        self._decoders = {
            stream: codecs.getincrementaldecoder("utf-8")(errors="replace") for stream in ("stdout", "stderr")
        }
        self._told = Report()
        self._seq = 0
        self._attachment: Attachment | None = None
        self._forwarding = Forwarding(self._reach)
        self._shared: frozenset[int] = frozenset()
        self._why: str | None = None
        self._task = asyncio.create_task(self._carry_out())
        self._last_word: asyncio.Task[None] | None = None
        self._kill_at = math.inf

    def take(self) -> Report | None:
        """What is to be reported, if anything."""
        told, self._told = self._told, Report()
        return told if told != Report() else None

    def give_back(self, told: Report) -> None:
        """Takes back what could not be reported."""
        self._told.started_at = told.started_at or self._told.started_at
        self._told.read |= told.read
        self._told.pieces = told.pieces + self._told.pieces
        self._told.opened = {**told.opened, **self._told.opened}
        self._told.ending = self._told.ending or told.ending

    def write(self, piece: Piece) -> None:
        """Passes a piece to its input, which may be given again until it is reported as read."""
        if self._attachment is None or piece.id in self._told.read:
            return
        self._told.read.add(piece.id)
        if piece.text is None:
            self._attachment.close_input()
        else:
            self._attachment.write(piece.text.encode())

    async def forward(self, ports: Collection[int]) -> None:
        """Has exactly these ports on this machine's loopback; with network, they are there by themselves."""
        if self._attachment is None or self._task.done():
            return
        if self._command.network:
            self._told.opened |= {port: port for port in ports if port not in self._shared}
            self._shared = frozenset(ports)
            return
        self._told.opened |= await self._forwarding.want(ports)

    def terminate(self, grace_s: float) -> None:
        """Asks it to end, and kills it after the time of grace; of several times the one counts that is over first."""
        kill_at = time.monotonic() + grace_s
        if kill_at < self._kill_at:
            self._kill_at = kill_at
            if self._last_word is not None:
                self._last_word.cancel()
            self._last_word = asyncio.create_task(self._terminate(grace_s))

    def kill(self, why: str) -> None:
        """Ends it at once."""
        if not self._task.done():
            self._why = why
            self._task.cancel()

    async def ended(self) -> None:
        """Returns when nothing of it is left."""
        await asyncio.wait([self._task])

    async def _terminate(self, grace_s: float) -> None:
        self._why = ON_REQUEST
        if self._attachment is not None:
            self._attachment.terminate()
            await asyncio.wait([self._task], timeout=grace_s)
        self.kill(KILLED)

    async def _carry_out(self) -> None:
        try:
            sandbox = await self._node.sandbox()
            outcome = await sandbox.run(self._folder, self._command, self._limits, self._take, self._attach)
            ending = self._how(outcome)
        except asyncio.CancelledError:
            ending = Ending("terminated", reason=self._why or SANDBOX_ENDED)
        except (SandboxError, OSError, ValueError) as error:
            ending = Ending("failed", reason=str(error))
        except Exception:
            log.exception("a background process failed unexpectedly")
            ending = Ending("failed", reason="the node failed on it; its log says more")
        finally:
            await uninterrupted(self._forwarding.close())
        for stream, decoder in self._decoders.items():
            self._add(stream, decoder.decode(b"", final=True))
        self._told.ending = ending

    def _attach(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._told.started_at = now()

    def _reach(self, port: int) -> socket.socket:
        assert self._attachment is not None, "ports are wanted of what runs"
        return self._attachment.reach(port)

    def _how(self, outcome: Outcome) -> Ending:
        cut = bool(outcome.truncated)
        if outcome.limit_hit is not None:
            return Ending("failed", reason=f"it met its limit of {outcome.limit_hit}", truncated=cut)
        status = "exited" if self._why is None else "terminated"
        return Ending(status, outcome.exit_code, self._why, cut, outcome.ended_at)

    def _take(self, stream: str, chunk: bytes) -> None:
        self._add(stream, self._decoders[stream].decode(chunk))

    def _add(self, stream: str, text: str) -> None:
        """Pieces of one stream that follow each other before they are reported become one."""
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        if not text:
            return
        if self._told.pieces and self._told.pieces[-1][1] == stream:
            seq, _, moment, before = self._told.pieces[-1]
            self._told.pieces[-1] = (seq, stream, moment, before + text)
            return
        self._seq += 1
        self._told.pieces.append((self._seq, stream, now(), text))
