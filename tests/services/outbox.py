"""Somebody's destinations with a receiver, and a node that does nothing but send."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import text

from gateway.core.clock import new_id
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.messaging import service, service_deliveries, service_matching, service_subscriptions
from gateway.features.messaging.models import Destination
from gateway.features.messaging.schemas import (
    DeliveryOut,
    DeliveryQuery,
    DestinationIn,
    DestinationPatch,
    RedeliverSince,
    SubscriptionIn,
)
from gateway.features.messaging.sender import Sender
from tests.messaging.stand_ins import Receiver, receiver

Open = Callable[[Actor], AbstractContextManager[Work]]
R = TypeVar("R")


@dataclass
class SendingNode:
    """A node that does nothing but send. Whatever it does not record before it is dropped, a killed one would not."""

    open: Open
    keys: KeyStore
    holder: uuid.UUID = field(default_factory=new_id)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def unit(self, act: Callable[[Work], R]) -> Awaitable[R]:
        return asyncio.get_running_loop().run_in_executor(self.threads, self._unit, act)

    def _unit(self, act: Callable[[Work], R]) -> R:
        with self.open(SYSTEM) as work:
            return act(work)

    def work(self) -> None:
        """Turns all new events into deliveries and sends what is due, until nothing is."""
        while self._unit(service_matching.match_some):
            pass
        asyncio.run(self._send())

    async def _send(self) -> None:
        sender = Sender(self, self.keys)
        while True:
            await sender.look()
            if not sender.busy:
                return
            await asyncio.gather(*sender.busy)


@dataclass
class Outbox:
    """One person's destinations, each call a unit of work of its own."""

    open: Open
    keys: KeyStore
    actor: Actor
    node: SendingNode
    held: Receiver
    secret: str = ""

    def add(self, **wish: Any) -> uuid.UUID:
        """A webhook to the receiver."""
        config = {"url": f"{self.held.url}/hook", "allowed_hosts": ["127.0.0.1"]}
        with self.open(self.actor) as work:
            made = DestinationIn(**{"destination_type": "webhook", "destination_config": config, **wish})
            destination, secret = service.create(work, self.keys, made)
            self.secret = secret or ""
            return destination.id

    def subscribe(self, destination_id: uuid.UUID, pattern: str = "task.*", **wish: Any) -> uuid.UUID:
        with self.open(self.actor) as work:
            wanted = SubscriptionIn(destination_id=destination_id, event_pattern=pattern, **wish)
            return service_subscriptions.create(work, wanted).id

    def emit(self, name: str = "task.completed", count: int = 1, *, owner: Actor | None = None, **about: Any) -> None:
        with self.open(owner or self.actor) as work:
            for number in range(count):
                data = about.pop("data", None) or {"name": f"n{number}"}
                work.emit(name, owner_id=(owner or self.actor).user_id, data=data, **about)

    def deliveries(self, **query: Any) -> list[DeliveryOut]:
        """Oldest first."""
        with self.open(self.actor) as work:
            found = service_deliveries.visible(work, DeliveryQuery(**query))
            rows = sorted(work.session.scalars(found), key=lambda row: (row.event_seq or 0, row.id))
            return service_deliveries.describe(work, rows)

    def destination(self, destination_id: uuid.UUID) -> Destination:
        with self.open(self.actor) as work:
            return service.get(work, destination_id)

    def patch(self, destination_id: uuid.UUID, **patch: Any) -> None:
        with self.open(self.actor) as work:
            found = service.for_change(work, destination_id)
            service.change(work, self.keys, found, DestinationPatch(**patch))

    def redeliver_since(self, destination_id: uuid.UUID, since: datetime, **more: Any) -> int:
        with self.open(self.actor) as work:
            return service_deliveries.redeliver_since(work, destination_id, RedeliverSince(since=since, **more))


@contextmanager
def fresh(database: Database, unit: Open, actor: Actor, keys: KeyStore) -> Iterator[Outbox]:
    """Somebody's, with a receiver; nothing of other tests is on its way."""
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM messaging_destinations"))
        connection.execute(text("UPDATE messaging_position SET seq = (SELECT seq FROM event_head)"))
    with receiver() as held:
        node = SendingNode(unit, keys)
        yield Outbox(unit, keys, actor, node, held)
        node.threads.shutdown()
