"""Turns the event log into deliveries: each event once for each subscription that takes it.

The log is the outbox: events are in it with the commit that they tell of, numbered without gaps. One position moves
over it, in one transaction with the deliveries it makes, so that none is lost or made twice.
"""

import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.events import Event
from gateway.core.policy import Reach, is_in_scope, reach
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity

from . import matching, queries, service_subscriptions
from .models import Delivery, Destination, Subscription

BATCH = 500
"""Events that one step reads."""

_DELIVERIES = Base.metadata.tables[Delivery.__tablename__]


def match_some(work: Work, most: int = BATCH) -> int:
    """Makes the deliveries of up to `most` further events; returns how many events those were."""
    if not queries.is_behind(work.session):
        return 0
    position = queries.take_position(work.session)
    if position is None:
        return 0
    events = queries.events_after(work.session, position.seq, most)
    if not events:
        return 0
    position.seq = events[-1].seq
    made = _Made(work, now())
    subscriptions = queries.all_subscriptions(work.session)
    wanted = [(each, active, matching.Wanted.of(each.event_pattern, each.filter)) for each, active in subscriptions]
    for event in events:
        before = len(made.rows)
        for subscription, active, asks in wanted:
            if subscription in made.over:
                continue
            if asks.takes(event) and made.may_see(event, subscription.user_id, subscription.by_token):
                made.add(event, subscription, active)
                if asks.once:
                    made.over.append(subscription)
        if event.name == "destination.disabled" and len(made.rows) == before:
            made.tell_elsewhere(event)
    made.store()
    return len(events)


class _Made:
    """The deliveries of one step."""

    def __init__(self, work: Work, moment: datetime) -> None:
        self._work = work
        self._moment = moment
        self._reaches: dict[tuple[uuid.UUID, uuid.UUID | None], Reach | None] = {}
        self._plain: dict[int, dict[str, Any]] = {}
        self.rows: list[dict[str, Any]] = []
        self.over: list[Subscription] = []

    def may_see(self, event: Event, user_id: uuid.UUID, by_token: uuid.UUID | None = None) -> bool:
        """Whether the event is one that the user would see in their event stream now, by that token if there is one."""
        key = (user_id, by_token)
        if key not in self._reaches:
            self._reaches[key] = self._reach(*key)
        held = self._reaches[key]
        return held is not None and held.covers(user_id, event.owner_id, event.project_id, None)

    def _reach(self, user_id: uuid.UUID, by_token: uuid.UUID | None) -> Reach | None:
        """None when the account is disabled, the token revoked, or its scopes leave events out."""
        reader = identity.agent_of(self._work, user_id, by_token)
        if reader is None or not is_in_scope(reader, "events.read"):
            return None
        return reach(reader, "events.read", "events")

    def add(self, event: Event, subscription: Subscription, active: bool) -> None:
        """One delivery of an event to whoever subscribed."""
        if matching.is_about(event, subscription.destination_id):
            return
        due = _window_end(self._moment, subscription.digest_s) if subscription.digest_s else self._moment
        self._add(event, subscription.destination_id, subscription.user_id, due if active else None,
                  subscription_id=subscription.id, is_digest=subscription.digest_s is not None)  # fmt: skip

    def tell_elsewhere(self, event: Event) -> None:
        """A destination that was set aside is told of by another one, though nobody subscribed to that."""
        if event.owner_id is None or event.data.get("by_owner"):
            return
        other = queries.elsewhere(self._work.session, event.owner_id, uuid.UUID(event.data["destination_id"]))
        if other is not None and self.may_see(event, event.owner_id):
            self._add(event, other.id, other.user_id, self._moment, subscription_id=None, is_digest=False)

    def store(self) -> None:
        """Writes them; one that is there already stays as it is. Subscriptions that were for one event are over.

        What goes where nobody wants it any more, since that was deleted meanwhile, is left out.
        """
        if not self.rows:
            return
        session = self._work.session
        destinations = queries.kept(session, Destination, {row["destination_id"] for row in self.rows})
        subscriptions = queries.kept(session, Subscription, {row["subscription_id"] for row in self.rows} - {None})
        wanted_by: set[uuid.UUID | None] = {None, *subscriptions}
        rows = [
            row for row in self.rows if row["destination_id"] in destinations and row["subscription_id"] in wanted_by
        ]
        if rows:
            session.execute(insert(_DELIVERIES).on_conflict_do_nothing(), rows)
        for subscription in self.over:
            if subscription.id in subscriptions:
                service_subscriptions.end(self._work, subscription)

    def _add(
        self, event: Event, destination_id: uuid.UUID, user_id: uuid.UUID, due: datetime | None, **more: Any
    ) -> None:
        if event.seq not in self._plain:
            self._plain[event.seq] = matching.plain(event)
        self.rows.append({
            "id": new_id(), "destination_id": destination_id, "user_id": user_id, "event_seq": event.seq,
            "event_name": event.name, "event": self._plain[event.seq], "status": "held" if due is None else "pending",
            "next_attempt_at": due, "step": 0, "attempts": 0, "created_at": self._moment, **more,
        })  # fmt: skip


def _window_end(moment: datetime, digest_s: int) -> datetime:
    """When the digest goes out that `moment` falls into: full hours, for one of an hour."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    windows = math.floor((moment - epoch) / timedelta(seconds=digest_s)) + 1
    return epoch + windows * timedelta(seconds=digest_s)
