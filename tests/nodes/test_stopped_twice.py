"""A run that is stopped again while it is given back."""

import asyncio
import gc
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from gateway.core.unit_of_work import Work
from gateway.features.runs.service_holding import Fenced
from gateway.features.tasks import jobs
from gateway.features.tasks.jobs import Attempt
from gateway.node.at_work import AtWork


def test_a_run_that_is_stopped_twice_is_given_back_before_it_ends() -> None:
    """By then it may be another's, and that is nothing to complain of."""
    complaints: list[str] = []
    at_work, begun, asked, answered = AtWork(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Endless(Attempt):
        async def work(self, plan: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

    async def together(*_: Any) -> SimpleNamespace:
        return SimpleNamespace(refusal=None)

    async def unit(_: Callable[[Work], Any]) -> None:
        asked.set()
        await answered.wait()
        raise Fenced

    async def stop_twice() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        node: Any = SimpleNamespace(at_work=at_work, together=together, unit=unit, id=uuid.uuid4(), holder=uuid.uuid4())
        running = asyncio.create_task(jobs.run(node, str(uuid.uuid4()), Endless))
        for reached in (begun, asked):
            await reached.wait()
            running.cancel()
        await asyncio.wait([running], timeout=0.1)
        assert not running.done()
        answered.set()
        await asyncio.wait([running])
        gc.collect()

    asyncio.run(stop_twice())
    assert complaints == []
    assert not at_work
