"""Sends what is due: a destination has one sender at a time, which has several messages on their way at once."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import structlog

from gateway.adapters.destinations.base import DeliveryError, Destination
from gateway.adapters.destinations.registry import open_destination
from gateway.core.clock import now
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work

from . import service_recording as recording
from . import service_sending as sending
from .service_recording import Outcome
from .service_sending import Claimed, Route

R = TypeVar("R")

log = structlog.get_logger("gateway.messaging")

WIDTH = 8
"""Messages on their way to one destination at the same time."""

MOST_UNRECORDED = 8
"""Messages of one node that may have arrived and are not recorded yet: so many come twice when it is killed."""

SLOW_S = 2.0
"""A message that takes longer is counted among them no more: slow receivers do not keep up the others."""

MOST_DESTINATIONS = 32
"""Destinations that one node sends to at the same time."""

KEEP_EVERY_S = 3.0
"""How often leases are prolonged: several times within one."""

ANNOUNCE_EVERY_S = 1.0


class Units(Protocol):
    """What a sender needs of its node."""

    holder: uuid.UUID

    def unit(self, act: Callable[[Work], R], /) -> Awaitable[R]:
        """Runs `act` in a unit of work of its own."""


class Sender:
    """The sending side of one node."""

    def __init__(self, node: Units, keys: KeyStore) -> None:
        self.node = node
        self._keys = keys
        self._busy: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._turns: dict[uuid.UUID, float] = {}
        self._unrecorded = asyncio.Semaphore(MOST_UNRECORDED)
        self._kept_at = 0.0

    async def look(self) -> None:
        """Prolongs leases, and begins with destinations that have something due."""
        node = self.node
        if self._busy and time.monotonic() - self._kept_at > KEEP_EVERY_S:
            self._kept_at = time.monotonic()
            held = [*self._busy]
            await node.unit(lambda work: sending.keep(work, node.holder, held))
        if (room := MOST_DESTINATIONS - len(self._busy)) > 0:
            for route in await node.unit(lambda work: sending.take(work, self._keys, node.holder, room)):
                self._busy[route.destination_id] = asyncio.create_task(self._serve(route))

    @property
    def busy(self) -> list[asyncio.Task[None]]:
        """What goes on at this moment, a task for each destination."""
        return [*self._busy.values()]

    async def _serve(self, route: Route) -> None:
        node, destination_id = self.node, route.destination_id
        line = _Line(self, route)
        try:
            while claimed := await node.unit(lambda work: sending.claim(work, node.holder, destination_id)):
                if not await line.send(claimed):
                    break
        except Exception:
            log.exception("sending to a destination failed; it goes on later", destination_id=str(destination_id))
        finally:
            with suppress(Exception):
                await line.close()
            self._busy.pop(destination_id, None)

    async def turn(self, route: Route) -> None:
        """Waits until the destination's rate allows another message."""
        if route.per_minute is None:
            return
        present = time.monotonic()
        at = max(present, self._turns.get(route.destination_id, 0.0))
        self._turns[route.destination_id] = at + 60 / route.per_minute
        await asyncio.sleep(at - present)

    async def count(self) -> Callable[[], None]:
        """Waits until another message may be sent; what is returned is called when what came of it is recorded."""
        await self._unrecorded.acquire()
        counted = True

        def release() -> None:
            nonlocal counted
            if counted:
                counted = False
                slow.cancel()
                self._unrecorded.release()

        slow = asyncio.get_running_loop().call_later(SLOW_S, release)
        return release


class _Line:
    """The way to one destination, while its sender has it."""

    def __init__(self, sender: Sender, route: Route) -> None:
        self._sender = sender
        self._node = sender.node
        self._route = route
        self._opened: Destination[Any] | None = None
        self._waiting: deque[Claimed] = deque()
        self._outcomes: list[Outcome] = []
        self._counted: dict[uuid.UUID, Callable[[], None]] = {}
        self._fresh = asyncio.Event()
        self._tally = [0, 0]
        self._announced_at = time.monotonic()

    async def send(self, claimed: Sequence[Claimed]) -> bool:
        """Attempts all of them and records each; returns whether to go on."""
        self._waiting.extend(claimed)
        workers = [asyncio.create_task(self._work()) for _ in range(1 if self._route.is_ordered else WIDTH)]
        going_on = True
        try:
            while self._outcomes or not all(worker.done() for worker in workers):
                if not self._outcomes:
                    self._fresh.clear()
                    await self._fresh.wait()
                    continue
                outcomes, self._outcomes = self._outcomes, []
                if not await self._record(outcomes):
                    going_on = False
                    self._waiting.clear()
                for outcome in outcomes:
                    self._counted.pop(outcome.delivery.id)()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)  # each gives back its connection first
            while self._counted:
                self._counted.popitem()[1]()
        return going_on

    async def close(self) -> None:
        """Lets the destination go."""
        if self._opened is not None:
            await self._opened.aclose()
        node, destination_id, (delivered, failures) = self._node, self._route.destination_id, self._tally

        def end(work: Any) -> None:
            if delivered or failures:
                recording.announce(work, destination_id, delivered, failures)
            sending.give_back(work, node.holder, destination_id)

        await node.unit(end)

    async def _record(self, outcomes: Sequence[Outcome]) -> bool:
        destination_id = self._route.destination_id
        recorded = await self._node.unit(lambda work: recording.record(work, destination_id, outcomes))
        self._tally[0] += recorded.delivered
        self._tally[1] += recorded.failures
        if time.monotonic() - self._announced_at > ANNOUNCE_EVERY_S:
            self._announced_at = time.monotonic()
            (delivered, failures), self._tally = self._tally, [0, 0]
            await self._node.unit(lambda work: recording.announce(work, destination_id, delivered, failures))
        return recorded.going_on

    async def _work(self) -> None:
        try:
            while self._waiting:
                claimed = self._waiting.popleft()
                await self._sender.turn(self._route)
                self._counted[claimed.id] = await self._sender.count()
                outcome = await self._attempt(claimed)
                self._outcomes.append(outcome)
                self._fresh.set()
                if self._route.is_ordered and outcome.error is not None:
                    self._waiting.clear()
        finally:
            asyncio.get_running_loop().call_soon(self._fresh.set)

    async def _attempt(self, claimed: Claimed) -> Outcome:
        started_at, began = now(), time.monotonic()
        try:
            status = await self._deliver(claimed)
        except DeliveryError as failure:
            return Outcome(
                claimed, started_at, _milliseconds(began), failure.status,
                {"code": failure.code, "message": str(failure)}, failure.permanent, failure.gone, failure.retry_after_s,
                failure.in_part,
            )  # fmt: skip
        except Exception:
            log.exception("a message could not be sent", destination_id=str(self._route.destination_id))
            error = {"code": "internal_error", "message": "The node failed on this message; its log says how."}
            return Outcome(claimed, started_at, _milliseconds(began), None, error)
        return Outcome(claimed, started_at, _milliseconds(began), status)

    async def _deliver(self, claimed: Claimed) -> int | None:
        if self._route.problem is not None:
            raise DeliveryError(self._route.problem, code="no_secret", permanent=False)
        if claimed.message is None:
            raise DeliveryError(claimed.problem or "", code="template_misfit", permanent=True)
        if self._opened is None:
            self._opened = open_destination(self._route.kind, self._route.config, self._route.secrets)
        return await self._opened.deliver(claimed.message)


def _milliseconds(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
