"""A node that dies while it sends: nothing is lost, and little comes twice."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import time_machine

from gateway.core.clock import now
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.messaging import service_matching
from gateway.features.messaging.sender import MOST_UNRECORDED, Sender
from tests.messaging.stand_ins import Reply, Request
from tests.services.outbox import Outbox, SendingNode


def test_a_node_that_dies_loses_nothing_and_another_goes_on(outbox: Outbox, keys: KeyStore) -> None:
    """What it sent and did not record comes again, under the same id."""
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.emit(count=10)
    died, numbers = threading.Event(), itertools.count()

    def answer(_: Request) -> Reply:
        if next(numbers) < 3 or died.is_set():
            return 204, {}, b""
        died.wait(30)
        return 503, {}, b""

    async def send_and_die() -> None:
        sender = Sender(dying, keys)
        await sender.look()
        while len(outbox.held.requests) < 3:  # noqa: ASYNC110 - it dies whenever that is
            await asyncio.sleep(0.005)
        dead = sender.busy
        for task in dead:
            task.cancel()
        await asyncio.wait(dead, timeout=0.5)  # its connections break, as those of a killed process do

    outbox.held.answer = answer
    dying = SendingNode(outbox.open, keys)
    while dying._unit(service_matching.match_some):
        pass
    dying.unit = _only(dying.unit, 2)  # type: ignore[method-assign]
    asyncio.run(send_and_die())
    died.set()
    outbox.node.work()
    assert len(outbox.held.accepted()) < 10, "the lease of the dead node still held"
    with time_machine.travel(now() + timedelta(seconds=13), tick=True):
        outbox.node.work()
    assert {each.status for each in outbox.deliveries()} == {"delivered"}
    assert len({request.headers["webhook-id"] for request in outbox.held.accepted()}) == 10


def test_a_node_that_dies_has_sent_little_that_is_not_recorded(outbox: Outbox, keys: KeyStore) -> None:
    """However fast receivers are: a record that takes its time holds up what is sent, to all destinations together."""
    for _ in range(3):
        outbox.subscribe(outbox.add())
    outbox.emit(count=20)

    async def send_and_die() -> None:
        sender = Sender(dying, keys)
        await sender.look()
        await asyncio.wait(sender.busy, timeout=0.5)
        for task in sender.busy:
            task.cancel()
        await asyncio.wait(sender.busy, timeout=0.5)

    dying = SendingNode(outbox.open, keys)
    while dying._unit(service_matching.match_some):
        pass
    dying.unit = _only(dying.unit, 4)  # type: ignore[method-assign]
    asyncio.run(send_and_die())
    assert len(outbox.held.accepted()) == MOST_UNRECORDED
    with time_machine.travel(now() + timedelta(seconds=13), tick=True):
        outbox.node.work()
    assert len(outbox.held.accepted()) == 60 + MOST_UNRECORDED


def _only(unit: Callable[..., Any], calls: int) -> Callable[..., Any]:
    """A database that answers so many times and then never again, as for a killed process."""
    left = [calls]

    async def limited(act: Callable[[Work], Any]) -> Any:
        left[0] -= 1
        if left[0] < 0:
            await asyncio.Event().wait()
        return await unit(act)

    return limited
