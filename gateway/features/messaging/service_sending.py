"""What the node that sends does to the records: takes a destination, claims what is due, records each attempt."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from gateway.adapters.destinations.base import Message
from gateway.adapters.destinations.registry import KINDS
from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.errors import GatewayError
from gateway.core.key_store import KeyStore
from gateway.core.templating import TemplateError
from gateway.core.unit_of_work import Work

from . import messages, queries, retries, service
from .models import Attempt, Delivery, Destination
from .service_deliveries import TEST

LEASE_S = 12.0
"""How long a destination stays with a node that was not heard of."""

CLAIM = 64
"""Deliveries that one step claims."""

_DESTINATIONS = Base.metadata.tables[Destination.__tablename__]
_DELIVERIES = Base.metadata.tables[Delivery.__tablename__]


@dataclass(frozen=True, slots=True)
class Route:
    """How a destination is reached, in plain values. `problem` is why it cannot be, which then fails each attempt."""

    destination_id: uuid.UUID
    kind: str
    config: dict[str, Any]
    secrets: tuple[str, ...]
    is_ordered: bool
    per_minute: int | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery to be attempted; `attempts` were made before. Without a message there is only a problem to record."""

    id: uuid.UUID
    attempts: int
    message: Message | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt; `error` is {code, message} where it failed."""

    delivery: Claimed
    started_at: datetime
    latency_ms: int
    response_status: int | None = None
    error: dict[str, Any] | None = None
    permanent: bool = False
    gone: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded, and whether to go on sending there."""

    going_on: bool
    delivered: int
    failures: int


def take(work: Work, keys: KeyStore, holder: uuid.UUID, most: int) -> list[Route]:
    """Leases destinations with something due to the node process `holder`."""
    moment = now()
    found = queries.to_send_to(work.session, holder, moment, most)
    for destination in found:
        _set(work, destination.id, leased_by=holder, leased_until=moment + timedelta(seconds=LEASE_S))
    return [_route(keys, destination, moment) for destination in found]


def keep(work: Work, holder: uuid.UUID, destination_ids: Sequence[uuid.UUID]) -> None:
    """Prolongs the leases of a node process."""
    mine = (_DESTINATIONS.c.id.in_(destination_ids)) & (_DESTINATIONS.c.leased_by == holder)
    until = now() + timedelta(seconds=LEASE_S)
    work.session.execute(
        update(_DESTINATIONS).where(mine).values(leased_until=until, updated_at=_DESTINATIONS.c.updated_at)
    )


def give_back(work: Work, holder: uuid.UUID, destination_id: uuid.UUID) -> None:
    """Ends a lease."""
    mine = (_DESTINATIONS.c.id == destination_id) & (_DESTINATIONS.c.leased_by == holder)
    free = {"leased_by": None, "leased_until": None, "updated_at": _DESTINATIONS.c.updated_at}
    work.session.execute(update(_DESTINATIONS).where(mine).values(**free))


def claim(work: Work, holder: uuid.UUID, destination_id: uuid.UUID, most: int = CLAIM) -> list[Claimed]:
    """What is to be sent now, in order; nothing when the destination is another's, gone, or asked for a pause.

    Nothing is marked: the lease alone says who sends. Should its node die, another sends the same, under the same ids.
    """
    destination = queries.by_id(work.session, destination_id, lock=True)
    moment = now()
    if destination is None or destination.leased_by != holder:
        return []
    if destination.paused_until is not None and destination.paused_until > moment:
        return []
    _set(work, destination.id, leased_until=moment + timedelta(seconds=LEASE_S))
    rows = queries.due(work.session, destination, moment, most)
    rows = _with_digests_merged(work, rows, moment)
    said = queries.templates_of(work.session, {row.subscription_id for row in rows if row.subscription_id})
    return [_claimed(work, row, said.get(row.subscription_id) if row.subscription_id else None) for row in rows]


def record(work: Work, destination_id: uuid.UUID, outcomes: Sequence[Outcome]) -> Recorded:
    """Keeps what came of attempts at one destination.

    Each counts once: what another node recorded meanwhile, or is gone, is left as it is.
    """
    destination = queries.by_id(work.session, destination_id, lock=True)
    if destination is None:
        return Recorded(False, 0, 0)
    rows = {row.id: row for row in queries.by_ids(work.session, [outcome.delivery.id for outcome in outcomes])}
    known = [(rows[each.delivery.id], each) for each in outcomes if each.delivery.id in rows]
    known = [(row, outcome) for row, outcome in known if row.attempts == outcome.delivery.attempts]
    health = _Health(destination.failing_since)
    for row, outcome in known:
        _note(work, row, outcome)
        if outcome.error is None:
            row.status, row.next_attempt_at, row.finished_at = "delivered", None, now()
            health.succeeded()
        else:
            _put_off(work, row, outcome)
            health.failed(row, outcome, destination.is_ordered)
    work.session.flush()
    if known:
        _set(work, destination.id, **health.values)
    if health.set_aside is not None and destination.is_active:
        work.session.refresh(destination)
        service.set_active(work, destination, False, health.set_aside, by_owner=False)
    failures = sum(outcome.error is not None for _, outcome in known)
    going_on = destination.is_active and health.values.get("paused_until") is None
    return Recorded(going_on, len(known) - failures, failures)


def announce(work: Work, destination_id: uuid.UUID, delivered: int, failures: int) -> None:
    """Tells the console what was sent lately. No subscription gets this event."""
    destination = queries.by_id(work.session, destination_id)
    if destination is not None:
        about = {"destination_id": str(destination_id), "delivered": delivered, "failures": failures}
        work.emit("delivery.attempted", owner_id=destination.user_id, data=about)


class _Health:
    """How a destination fares after some attempts: `values` are for its row."""

    def __init__(self, failing_since: datetime | None) -> None:
        self._failing_since = failing_since
        self.values: dict[str, Any] = {}
        self.set_aside: str | None = None

    def succeeded(self) -> None:
        """A message arrived."""
        self._failing_since = None
        self.values = {"failing_since": None, "last_success_at": now(), "last_error": None, "paused_until": None}

    def failed(self, row: Delivery, outcome: Outcome, is_ordered: bool) -> None:
        """One did not. To an ordered destination nothing goes before that one is tried again."""
        moment = now()
        self._failing_since = self._failing_since or moment
        self.values |= {"failing_since": self._failing_since, "last_error": outcome.error}
        if is_ordered and row.status == "pending":
            self.values["paused_until"] = row.next_attempt_at
        elif outcome.retry_after_s:
            self.values["paused_until"] = moment + timedelta(seconds=outcome.retry_after_s)
        if outcome.gone:
            self.set_aside = "it answered 410, that it is no more"
        elif moment - self._failing_since >= timedelta(seconds=retries.SET_ASIDE_AFTER_S):
            self.set_aside = f"nothing has arrived there since {self._failing_since:%Y-%m-%d %H:%M} UTC"


def _put_off(work: Work, row: Delivery, outcome: Outcome) -> None:
    """A failed delivery waits for its next attempt, or is given up. What is held meanwhile stays held."""
    if row.status != "pending":
        return
    row.step += 1
    pause = None if outcome.permanent or row.event_name == TEST else retries.pause_s(row.step, outcome.retry_after_s)
    if pause is not None:
        row.next_attempt_at = now() + timedelta(seconds=pause)
        return
    row.status, row.next_attempt_at, row.finished_at = "failed", None, now()
    if row.event_name != TEST and not row.event_name.startswith("delivery."):
        work.emit("delivery.failed", owner_id=row.user_id, data={
            "delivery_id": str(row.id), "destination_id": str(row.destination_id), "event_name": row.event_name,
            "event_seq": row.event_seq, "error": outcome.error,
        })  # fmt: skip


def _note(work: Work, row: Delivery, outcome: Outcome) -> None:
    row.attempts += 1
    work.insert(Attempt, [{
        "id": new_id(), "delivery_id": row.id, "number": row.attempts,
        "status": "failed" if outcome.error else "succeeded", "started_at": outcome.started_at,
        "latency_ms": outcome.latency_ms, "response_status": outcome.response_status, "error": outcome.error,
    }])  # fmt: skip


def _with_digests_merged(work: Work, rows: list[Delivery], moment: datetime) -> list[Delivery]:
    """Of all that goes into one digest the first stays, and carries the others."""
    due = {row.subscription_id for row in rows if row.is_digest and row.subscription_id and not row.attempts}
    gone: set[uuid.UUID] = set()
    for subscription_id in due:
        first, *others = queries.digest_members(work.session, subscription_id, moment)
        for other in others:
            other.status, other.merged_into, other.next_attempt_at = "merged", first.id, None
            other.finished_at = moment
            gone.add(other.id)
    work.session.flush()
    return [row for row in rows if row.id not in gone]


def _claimed(work: Work, row: Delivery, template: str | None) -> Claimed:
    events, count = [row.event], 1
    if row.is_digest:
        merged, more = queries.merged_events(work.session, row.id, messages.MOST_IN_DIGEST - 1)
        events, count = [row.event, *merged], 1 + more
    try:
        message = messages.compose(str(row.id), events, count=count, is_digest=row.is_digest, template=template)
    except TemplateError as misfit:
        return Claimed(row.id, row.attempts, None, f"The subscription's template: {misfit}.")
    return Claimed(row.id, row.attempts, message)


def _route(keys: KeyStore, destination: Destination, moment: datetime) -> Route:
    secrets: list[str] = []
    problem = None
    try:
        secrets = service.secrets_of(keys, destination, moment)
    except GatewayError as error:
        problem = error.detail
    return Route(
        destination.id, destination.destination_type, destination.destination_config, tuple(secrets),
        destination.is_ordered, destination.per_minute or KINDS[destination.destination_type].per_minute, problem,
    )  # fmt: skip


def _set(work: Work, destination_id: uuid.UUID, **values: Any) -> None:
    """Past the ORM: how a destination fares is no change of it, so version and time of change stay."""
    found = update(_DESTINATIONS).where(_DESTINATIONS.c.id == destination_id)
    work.session.execute(found.values(**values, updated_at=_DESTINATIONS.c.updated_at))
