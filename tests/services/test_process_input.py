"""What a process is to read reaches it once and in order, whatever becomes of an answer of the database."""

import asyncio
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.sandboxes.base import Attachment, Availability, Command, Limits, Outcome, OutputSink, Sandbox
from gateway.core.config import Config
from gateway.core.identity import SYSTEM, Actor
from gateway.core.unit_of_work import Work
from gateway.features.processes import jobs, service
from gateway.features.processes.host import Host, hosted
from gateway.features.processes.schemas import ProcessIn, ProcessInputIn
from tests.services.conftest import Open, PlainNode, Tasks


class Reading(Attachment):
    """A program that only reads."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def write(self, data: bytes) -> None:
        self.read.append(data.decode())

    def close_input(self) -> None:
        self.read.append("(end)")

    def terminate(self) -> None:
        raise AssertionError("nobody asks it to end")

    def reach(self, port: int) -> socket.socket:
        raise AssertionError("nobody connects")


class Reader(Sandbox):
    """Runs nothing but that, until it is killed."""

    kind = "reader"

    def __init__(self) -> None:
        self.program = Reading()

    @classmethod
    async def available(cls) -> Availability:
        return Availability(True)

    async def run(
        self, workspace: Path, command: Command, limits: Limits, on_output: OutputSink,
        attach: Callable[[Attachment], None] | None = None,
    ) -> Outcome:  # fmt: skip
        assert attach is not None
        attach(self.program)
        await asyncio.Event().wait()
        raise AssertionError("it is killed")


class Ground:
    """A node with one run, whose database can be told to fail."""

    def __init__(self, unit: Open, holder: uuid.UUID) -> None:
        self.config = Config()
        self.holder = holder
        self.hosts: dict[uuid.UUID, Host] = {}
        self.times = [1]
        """How often each next unit of work is carried out until its answer arrives; at 0 it fails. The last stays."""
        self._unit = unit
        self._sandbox = Reader()

    async def sandbox(self) -> Sandbox:
        return self._sandbox

    async def unit(self, act: Callable[[Work], Any]) -> Any:
        times = self.times.pop(0) if len(self.times) > 1 else self.times[0]
        if not times:
            raise ConnectionError("the database is away")
        for _ in range(times):
            with self._unit(SYSTEM) as work:
                answer = act(work)
        return answer

    @property
    def read(self) -> list[str]:
        return self._sandbox.program.read


@pytest.mark.parametrize("times", [[2, 1], [1, 2, 1], [1, 0, 1]], ids=["given", "noted as read", "not noted as read"])
def test_input_is_read_once_whatever_answer_is_lost(
    unit: Open, alice: Actor, mine: Tasks, node: PlainNode, tmp_path: Path, times: list[int]
) -> None:
    run_id = mine.create().run_id
    assert run_id is not None
    node.begin(run_id)
    ground = Ground(unit, node.holder)
    with unit(alice) as work:
        process = service.start(work, run_id, ProcessIn(command="cat"))

    def write(text: str, *, end: bool = False) -> None:
        with unit(alice) as work:
            service.write(work, process.id, ProcessInputIn(text=text, end=end))

    async def attend() -> None:
        with suppress(ConnectionError):
            await jobs.attend(ground)  # type: ignore[arg-type]
        await asyncio.sleep(0)

    async def all_of_it() -> None:
        async with hosted(ground, run_id, tmp_path, env={}, network=False, seconds=60):
            for _ in ("started", "reported as running"):
                await attend()
            write("one")
            ground.times = times
            await attend()
            write("two", end=True)
            for _ in ("given", "nothing is left"):
                await attend()

    asyncio.run(all_of_it())
    assert ground.read == ["one", "two", "(end)"]
    node.end(run_id)
