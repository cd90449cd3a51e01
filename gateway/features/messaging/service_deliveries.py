"""Rules of deliveries for those who look at them: reading, sending again, sending a test."""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, update

from gateway.core.clock import first_id_at, new_id, now
from gateway.core.database import Base
from gateway.core.errors import Conflict, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, service
from .models import Delivery, Destination
from .schemas import AttemptOut, DeliveryOut, DeliveryQuery, RedeliverSince

TEST = "messaging.test"
"""What a test message is called; it is no event of the log."""

PATIENCE_S = 20.0
"""How long a test waits for its node: longer than an attempt may take."""

LOOK_EVERY_S = 0.1

NOT_THERE = "There is no such delivery, or it is not yours."

_DELIVERIES = Base.metadata.tables[Delivery.__tablename__]


def visible(work: Work, query: DeliveryQuery) -> Select[Delivery]:
    """The deliveries the caller may see, to be paged."""
    work.allow("deliveries.read", Resource("deliveries", listed=True))
    return queries.filtered_deliveries(work.actor, query)


def get(work: Work, delivery_id: uuid.UUID) -> Delivery:
    """One delivery. Raises NotFound."""
    return _find(work, "deliveries.read", delivery_id)


def describe(work: Work, rows: Sequence[Delivery]) -> list[DeliveryOut]:
    """Deliveries with their attempts, as the wire shows them."""
    attempts = queries.attempts_of(work.session, [row.id for row in rows])
    names = queries.destination_names(work.session, work.actor, {row.destination_id for row in rows})
    further = ("attempts", "attempt_count", "destination_name")
    plain = [name for name in DeliveryOut.model_fields if name not in further]
    return [
        DeliveryOut(
            **{name: getattr(row, name) for name in plain}, attempt_count=row.attempts,
            destination_name=names.get(row.destination_id),
            attempts=[AttemptOut.model_validate(attempt) for attempt in attempts[row.id]],
        )
        for row in rows
    ]  # fmt: skip


def redeliver(work: Work, delivery_id: uuid.UUID) -> Delivery:
    """Puts a delivery back into the queue, under its old id. Raises NotFound, and Conflict where that cannot be."""
    delivery = _find(work, "deliveries.redeliver", delivery_id)
    destination = queries.by_id(work.session, delivery.destination_id, lock=True)  # first, as whoever sends does
    if destination is None:  # deleted meanwhile, and its deliveries with it
        raise NotFound(NOT_THERE)
    _check_on(destination)
    delivery = _find(work, "deliveries.redeliver", delivery_id, lock=True)
    if delivery.status == "merged":
        raise Conflict(f"It went out with the digest {delivery.merged_into}; send that one again.", code="merged")
    if delivery.status != "pending":
        delivery.status, delivery.finished_at = "pending", None
    delivery.next_attempt_at, delivery.step = now(), 0
    work.session.flush()
    service.note(work, destination.id, paused_until=None)  # what somebody asks for goes out now
    return delivery


def redeliver_since(work: Work, destination_id: uuid.UUID, wish: RedeliverSince) -> int:
    """Puts what was made since a time back into the queue; returns how many those are. Raises Conflict, NotFound."""
    destination = service.for_change(work, destination_id, "destinations.redeliver")
    _check_on(destination)
    statuses = ("held", "failed", "pending") + (("delivered",) if wish.only == "all" else ())
    chosen = (
        (_DELIVERIES.c.destination_id == destination_id)
        & (_DELIVERIES.c.id >= first_id_at(wish.since))
        & _DELIVERIES.c.status.in_(statuses)
        & (_DELIVERIES.c.event_name != TEST)
    )
    service.note(work, destination_id, paused_until=None)
    again = {"status": "pending", "next_attempt_at": now(), "step": 0, "finished_at": None}
    return work.session.execute(update(_DELIVERIES).where(chosen).values(again)).rowcount  # type: ignore[attr-defined,no-any-return]


def begin_test(work: Work, destination_id: uuid.UUID) -> uuid.UUID:
    """Puts a test message into the queue, even for a destination that is off. Raises NotFound."""
    destination = service.find(work, "destinations.test", destination_id, lock=True)  # before anything refers to it
    moment = now()
    delivery_id = new_id()
    event: dict[str, Any] = {
        "seq": None, "id": str(delivery_id), "name": TEST, "time": moment.isoformat().replace("+00:00", "Z"),
        "actor": work.actor.handle, "task_id": None, "run_id": None, "project_id": None, "tags": [],
        "data": {"destination_id": str(destination.id), "name": destination.name},
    }  # fmt: skip
    work.session.add(Delivery(
        id=delivery_id, destination_id=destination.id, user_id=destination.user_id, event_name=TEST, event=event,
        next_attempt_at=moment,
    ))  # fmt: skip
    work.session.flush()
    service.note(work, destination.id, paused_until=None)  # what somebody asks for goes out now
    return delivery_id


def wait_for_test(work: Work, delivery_id: uuid.UUID) -> Delivery:
    """The test message once a node has tried it; as it waits, when none has in time. Raises NotFound."""
    delivery = _find(work, "deliveries.read", delivery_id)
    deadline = time.monotonic() + PATIENCE_S
    while delivery.status == "pending" and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        found = queries.delivery(work.session, work.actor, delivery_id)
        if found is None:  # its destination was deleted meanwhile
            raise NotFound(NOT_THERE)
        delivery = found
    return delivery


def _find(work: Work, action: str, delivery_id: uuid.UUID, *, lock: bool = False) -> Delivery:
    delivery = queries.delivery(work.session, work.actor, delivery_id, lock=lock)
    if delivery is None:
        raise NotFound(NOT_THERE)
    work.allow(action, delivery.as_resource)
    return delivery


def _check_on(destination: Destination) -> None:
    if not destination.is_active:
        raise Conflict(f"{destination.name} is turned off; turn it on first.", code="destination_off")
