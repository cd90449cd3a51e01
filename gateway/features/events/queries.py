"""Every select on the event log."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from gateway.core.database import Base, FixedQuery
from gateway.core.events import Event, EventHead
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

NEWEST = 2**63 - 1
_BETWEEN = FixedQuery(
    select(Base.metadata.tables[Event.__tablename__])
    .where(Event.seq > bindparam("after"), Event.seq <= bindparam("up_to"))
    .order_by(Event.seq)
    .limit(bindparam("most"))
)
"""Asked after almost every commit, while somebody listens."""


def visible(actor: Actor) -> Select[Event]:
    """The events the actor may see."""
    return select(Event).where(seen_by(actor, "events.read", owner=Event.owner_id, project=Event.project_id))


def filtered(
    actor: Actor, *, since: int, name_regex: str | None, task_id: uuid.UUID | None, run_id: uuid.UUID | None
) -> Select[Event]:
    """The visible ones after number `since`, narrowed down."""
    query = visible(actor).where(Event.seq > since)
    if name_regex is not None:
        query = query.where(Event.name.regexp_match(f"^(?:{name_regex})$"))
    if task_id is not None:
        query = query.where(Event.task_id == task_id)
    return query.where(Event.run_id == run_id) if run_id is not None else query


def between(session: Session, after: int, up_to: int | None, limit: int) -> list[Any]:
    """The log from number `after` on, oldest first, for everyone; with the names of an Event's columns."""
    return asked_between(session, after, up_to, limit)()


def asked_between(session: Session, after: int, up_to: int | None, limit: int) -> Callable[[], list[Any]]:
    """Asks for the same."""
    return _BETWEEN.ask(session, after=after, up_to=up_to or NEWEST, most=limit).rows


def fitting(session: Session, after: int, up_to: int, name_regex: str, limit: int) -> list[Event]:
    """The first events of the log after number `after` whose name fits, oldest first, for everyone."""
    query = select(Event).where(Event.seq > after, Event.seq <= up_to, Event.name.regexp_match(f"^(?:{name_regex})$"))
    return list(session.scalars(query.order_by(Event.seq).limit(limit))) if after < up_to else []


def head(session: Session) -> int:
    """The last number given out."""
    return session.scalar(select(EventHead.seq)) or 0


def oldest(session: Session) -> int | None:
    """The oldest number still kept."""
    return session.scalar(select(func.min(Event.seq)))
