"""Every select on destinations, subscriptions, deliveries and attempts."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, nulls_first, or_, select, text, update
from sqlalchemy.orm import Session

from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.events import Event, EventHead
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import IS_PENDING, Attempt, Delivery, Destination, Position, Subscription
from .schemas import DeliveryQuery, DestinationQuery, SubscriptionQuery

MOST_TRACED = 50
"""Deliveries that one step of a graph of causes looks at."""

SHOWN_ATTEMPTS = 20
"""Attempts that a delivery shows."""

_IS_DUE = (text("messaging_deliveries.status = 'pending'"), Delivery.destination_id == Destination.id)


def destinations(actor: Actor) -> Select[Destination]:
    """The destinations the actor may see."""
    return select(Destination).where(seen_by(actor, "destinations.read", owner=Destination.user_id, key=Destination.id))


def filtered_destinations(actor: Actor, query: DestinationQuery) -> Select[Destination]:
    """A list of them."""
    found = destinations(actor)
    if query.destination_type is not None:
        found = found.where(Destination.destination_type == query.destination_type)
    if query.is_active is not None:
        found = found.where(Destination.is_active.is_(query.is_active))
    return found if query.q is None else found.where(Destination.name.icontains(query.q, autoescape=True))


def destination_names(session: Session, actor: Actor, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Those of the destinations that the actor may see, by their names."""
    if not ids:
        return {}
    found = destinations(actor).where(Destination.id.in_(ids)).with_only_columns(Destination.id, Destination.name)
    return {row.id: row.name for row in session.execute(found)}


def destination(session: Session, actor: Actor, destination_id: uuid.UUID, *, lock: bool = False) -> Destination | None:
    """A destination the actor may see. Locked, it still gets new deliveries."""
    query = destinations(actor).where(Destination.id == destination_id)
    return session.scalar(query.with_for_update(key_share=True) if lock else query)


def subscriptions(actor: Actor) -> Select[Subscription]:
    """The subscriptions the actor may see."""
    return select(Subscription).where(
        seen_by(actor, "subscriptions.read", owner=Subscription.user_id, key=Subscription.id)
    )


def filtered_subscriptions(actor: Actor, query: SubscriptionQuery) -> Select[Subscription]:
    """A list of them."""
    found = subscriptions(actor)
    return found.where(Subscription.destination_id == query.destination_id) if query.destination_id else found


def subscription(
    session: Session, actor: Actor, subscription_id: uuid.UUID, *, lock: bool = False
) -> Subscription | None:
    """A subscription the actor may see."""
    query = subscriptions(actor).where(Subscription.id == subscription_id)
    return session.scalar(query.with_for_update() if lock else query)


def deliveries(actor: Actor) -> Select[Delivery]:
    """The deliveries the actor may see."""
    return select(Delivery).where(seen_by(actor, "deliveries.read", owner=Delivery.user_id, key=Delivery.id))


def named_deliveries(session: Session, actor: Actor, ids: Collection[uuid.UUID]) -> Sequence[Row[Delivery, str]]:
    """Those of the deliveries that the actor may see, each with the name of where it goes."""
    query = deliveries(actor).where(Delivery.id.in_(ids)).join(Destination, Destination.id == Delivery.destination_id)
    return session.execute(query.add_columns(Destination.name)).all()


def telling(session: Session, actor: Actor, what: ColumnElement[bool]) -> Sequence[Row[Delivery, Event]]:
    """Deliveries that the actor may see, of such a sort or of such events, each with its event."""
    query = deliveries(actor).join(Event, Event.seq == Delivery.event_seq).add_columns(Event).where(what)
    return session.execute(query.order_by(Delivery.id).limit(MOST_TRACED)).all()


def filtered_deliveries(actor: Actor, query: DeliveryQuery) -> Select[Delivery]:
    """A list of them."""
    wanted: list[tuple[ColumnElement[object] | object, object]] = [
        (Delivery.destination_id, query.destination_id), (Delivery.subscription_id, query.subscription_id),
        (Delivery.status, query.status), (Delivery.event_name, query.event),
    ]  # fmt: skip
    return deliveries(actor).where(*(column == value for column, value in wanted if value is not None))  # type: ignore[arg-type]


def delivery(session: Session, actor: Actor, delivery_id: uuid.UUID, *, lock: bool = False) -> Delivery | None:
    """A delivery the actor may see."""
    query = deliveries(actor).where(Delivery.id == delivery_id).execution_options(populate_existing=True)
    return session.scalar(query.with_for_update() if lock else query)


def attempts_of(session: Session, delivery_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Attempt]]:
    """The latest attempts of deliveries, the newest first."""
    newest = (
        select(Attempt.id)
        .where(Attempt.delivery_id == Delivery.id)
        .order_by(Attempt.id.desc())
        .limit(SHOWN_ATTEMPTS)
        .correlate(Delivery)
        .lateral()
    )
    query = (
        select(Attempt)
        .select_from(Delivery)
        .join(newest, Delivery.id.in_(delivery_ids))
        .join(Attempt, Attempt.id == newest.c.id)
        .order_by(Attempt.id.desc())
    )
    found: dict[uuid.UUID, list[Attempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    for attempt in session.scalars(query):
        found[attempt.delivery_id].append(attempt)
    return found


def newest_events(session: Session, actor: Actor, most: int) -> Sequence[Event]:
    """The newest events the actor may see, the newest first."""
    seen = seen_by(actor, "events.read", owner=Event.owner_id, project=Event.project_id)
    return session.scalars(select(Event).where(seen).order_by(Event.seq.desc()).limit(most)).all()


def is_behind(session: Session) -> bool:
    """Whether there are events that were not turned into deliveries yet."""
    return session.scalar(_BEHIND) is not None


def take_position(session: Session) -> Position | None:
    """How far the log was read, locked; None while another node reads on."""
    return session.scalar(select(Position).with_for_update(skip_locked=True))


def events_after(session: Session, seq: int, most: int) -> Sequence[Event]:
    """The log from number `seq` on, oldest first."""
    return session.scalars(select(Event).where(Event.seq > seq).order_by(Event.seq).limit(most)).all()


def all_subscriptions(session: Session) -> Sequence[Row[Subscription, bool]]:
    """Every subscription, and whether its destination is on."""
    query = select(Subscription, Destination.is_active).join(Destination, Subscription.destination_id == Destination.id)
    return session.execute(query.order_by(Subscription.id)).all()


def kept(session: Session, of: type[Destination | Subscription], ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these destinations or subscriptions that are still there, and stay until this transaction ends."""
    query = select(of.id).where(of.id.in_(ids)).order_by(of.id)
    return set(session.scalars(query.with_for_update(read=True, key_share=True)))


def elsewhere(session: Session, user_id: uuid.UUID, destination_id: uuid.UUID) -> Destination | None:
    """Another destination of a user's that works: the one that took something last."""
    query = select(Destination).where(
        Destination.user_id == user_id, Destination.id != destination_id, Destination.is_active,
        Destination.failing_since.is_(None),
    )  # fmt: skip
    return session.scalar(query.order_by(Destination.last_success_at.desc().nulls_last(), Destination.id).limit(1))


def _sends(moment: Any) -> tuple[ColumnElement[bool], ...]:
    """Of a destination: something is due, and no living node sends there."""
    return (
        select(Delivery.id).where(*_IS_DUE, Delivery.next_attempt_at <= moment).correlate(Destination).exists(),
        or_(Destination.leased_until.is_(None), Destination.leased_until < moment),
        or_(Destination.paused_until.is_(None), Destination.paused_until <= moment),
    )


_BEHIND = select(Position.id).where(Position.seq < select(EventHead.seq).scalar_subquery())

ANYTHING_TO_DO = FixedQuery(
    select(or_(_BEHIND.exists(), select(Destination.id).where(*_sends(bindparam("moment"))).exists()).label("is_there"))
)
"""Whether there are events that were not turned into deliveries yet, or a destination that something is due for."""


def to_send_to(session: Session, holder: uuid.UUID, moment: datetime, most: int) -> Sequence[Destination]:
    """Destinations with something due that no other living node sends to, locked."""
    query = select(Destination).where(*_sends(moment))
    return session.scalars(
        query.order_by(Destination.leased_until.nulls_first(), Destination.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()


def by_id(session: Session, destination_id: uuid.UUID, *, lock: bool = False) -> Destination | None:
    """A destination, whoever may see it: for the node that sends there. Locked, it still gets new deliveries."""
    query = select(Destination).where(Destination.id == destination_id)
    return session.scalar(query.with_for_update(key_share=True) if lock else query)


_DUE = (
    Delivery.id, Delivery.subscription_id, Delivery.event, Delivery.is_digest, Delivery.attempts,
    Delivery.next_attempt_at,
)  # fmt: skip


def due(session: Session, destination: Destination, moment: datetime, most: int) -> list[Row[Any]]:
    """What is to be sent now, in order, of each `_DUE` alone: it is much.

    To an ordered destination nothing goes before what waits ahead of it.
    """
    query = select(*_DUE).where(Delivery.destination_id == destination.id, Delivery.status == "pending").limit(most)
    if not destination.is_ordered:
        query = query.where(Delivery.next_attempt_at <= moment)
        return list(session.execute(query.order_by(Delivery.next_attempt_at, Delivery.event_seq)))
    found = []
    for row in session.execute(query.order_by(nulls_first(Delivery.event_seq.asc()))):
        if row.next_attempt_at is None or row.next_attempt_at > moment:
            break
        found.append(row)
    return found


def merge_digest(
    session: Session, destination_id: uuid.UUID, subscription_id: uuid.UUID, moment: datetime
) -> uuid.UUID | None:
    """Has the oldest of all that waits for one digest and was not tried yet carry the others, however many; its id.

    They are found among what waits there: what was sent before is more every day.
    """
    members = (
        IS_PENDING, Delivery.destination_id == destination_id, Delivery.subscription_id == subscription_id,
        Delivery.is_digest, Delivery.attempts == 0, Delivery.next_attempt_at <= moment,
    )  # fmt: skip
    first = session.scalar(select(Delivery.id).where(*members).order_by(Delivery.event_seq).limit(1))
    merged = {"status": "merged", "merged_into": first, "next_attempt_at": None, "finished_at": moment}
    others = update(Delivery).where(*members, Delivery.id != first).values(merged)
    session.execute(others.execution_options(synchronize_session=False))
    return first


def merged_events(session: Session, delivery_id: uuid.UUID, most: int) -> tuple[list[dict[str, object]], int]:
    """The events that went into a digest besides its first, oldest first, up to `most`; and how many there are."""
    merged = Delivery.merged_into == delivery_id
    events = session.scalars(select(Delivery.event).where(merged).order_by(Delivery.event_seq).limit(most)).all()
    count = session.scalar(select(func.count()).select_from(Delivery).where(merged)) or 0
    return list(events), count


def templates_of(session: Session, subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str | None]:
    """The templates of subscriptions."""
    query = select(Subscription.id, Subscription.template).where(Subscription.id.in_(subscription_ids))
    return {row.id: row.template for row in session.execute(query)}


def owner_of(session: Session, destination_id: uuid.UUID) -> uuid.UUID | None:
    """Whose a destination is, whoever may see it: for who decides about the right itself."""
    return session.scalar(select(Destination.user_id).where(Destination.id == destination_id))


def count_of(session: Session, user_id: uuid.UUID) -> int:
    """How many destinations a user has."""
    return session.scalar(select(func.count()).select_from(Destination).where(Destination.user_id == user_id)) or 0


def count_of_destination(session: Session, destination_id: uuid.UUID) -> int:
    """How many subscriptions a destination has."""
    found = select(func.count()).select_from(Subscription).where(Subscription.destination_id == destination_id)
    return session.scalar(found) or 0


def is_fed(session: Session, destination_id: uuid.UUID) -> bool:
    """Whether anything goes to a destination, or is kept that could be sent there again."""
    fed = [
        select(table.id).where(table.destination_id == destination_id).exists() for table in (Subscription, Delivery)
    ]
    return bool(session.scalar(select(or_(*fed))))


def by_ids(session: Session, delivery_ids: Collection[uuid.UUID]) -> Sequence[Delivery]:
    """Deliveries, locked, whoever may see them: for the node that sends them."""
    query = select(Delivery).where(Delivery.id.in_(delivery_ids)).order_by(Delivery.id)
    return session.scalars(query.with_for_update()).all()
