"""The listeners of a process's ports by themselves."""

import asyncio
import errno
from typing import Any

import pytest

from gateway.features.processes.forwarding import Forwarding


def test_a_port_that_cannot_be_opened_keeps_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a node has as many files open as it may: the next time there is room again."""
    listen = asyncio.start_server
    refusals = [None, OSError(errno.EMFILE, "Too many open files"), None, None]

    async def start_server(*arguments: Any) -> asyncio.Server:
        if (refusal := refusals.pop(0)) is not None:
            raise refusal
        return await listen(*arguments)

    async def found() -> list[set[int]]:
        forwarding = Forwarding(lambda _: pytest.fail("nobody connects"))
        try:
            return [set(await forwarding.want((8001, 8002, 8003))) for _ in range(3)]
        finally:
            await forwarding.close()

    monkeypatch.setattr(asyncio, "start_server", start_server)
    assert asyncio.run(found()) == [{8001, 8003}, {8002}, set()]
