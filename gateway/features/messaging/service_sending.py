"""What the node that sends does to the records first: it takes a destination, and claims what is due."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, update

from gateway.adapters.destinations.base import Message
from gateway.adapters.destinations.registry import KINDS
from gateway.core.clock import now
from gateway.core.database import Base
from gateway.core.errors import GatewayError
from gateway.core.secrets.key_store import KeyStore
from gateway.core.templating import TemplateError
from gateway.core.unit_of_work import Work

from . import messages, queries, service
from .models import Destination

LEASE_S = 12.0
"""How long a destination stays with a node that was not heard of."""

CLAIM = 256
"""Deliveries that one step claims."""

_DESTINATIONS = Base.metadata.tables[Destination.__tablename__]


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


def take(work: Work, keys: KeyStore, holder: uuid.UUID, most: int) -> list[Route]:
    """Leases destinations with something due to the node process `holder`."""
    moment = now()
    found = queries.to_send_to(work.session, holder, moment, most)
    for destination in found:
        service.note(work, destination.id, leased_by=holder, leased_until=moment + timedelta(seconds=LEASE_S))
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
    service.note(work, destination.id, leased_until=moment + timedelta(seconds=LEASE_S))
    rows = queries.due(work.session, destination, moment, most)
    rows = _with_digests_merged(work, destination_id, rows, moment)
    said = queries.templates_of(work.session, {row.subscription_id for row in rows if row.subscription_id})
    return [_claimed(work, row, said.get(row.subscription_id) if row.subscription_id else None) for row in rows]


def _with_digests_merged(
    work: Work, destination_id: uuid.UUID, rows: list[Row[Any]], moment: datetime
) -> list[Row[Any]]:
    """Of all that goes into one digest the first stays, and carries the others."""
    digests = {row.id: row.subscription_id for row in rows if row.is_digest and not row.attempts if row.subscription_id}
    first = {queries.merge_digest(work.session, destination_id, each, moment) for each in set(digests.values())}
    return [row for row in rows if row.id not in digests or row.id in first]


def _claimed(work: Work, row: Row[Any], template: str | None) -> Claimed:
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
