"""Every select on the event log."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session

from gateway.core.database import Base
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.events import Event, EventHead
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

NEWEST = 2**63 - 1
_EVENTS = Base.metadata.tables[Event.__tablename__]
_HEAD = Base.metadata.tables[EventHead.__tablename__].c.seq
_BETWEEN = FixedQuery(
    select(_EVENTS)
    .where(Event.seq > bindparam("after"), Event.seq <= bindparam("up_to"))
    .order_by(Event.seq)
    .limit(bindparam("most"))
)
_NEWS = FixedQuery(
    select(_HEAD.label("head"), _EVENTS)
    .join_from(
        _HEAD.table, _EVENTS,
        and_(_EVENTS.c.seq > bindparam("after"), _EVENTS.c.seq <= _HEAD, _EVENTS.c.name.op("~")(bindparam("names"))),
        isouter=True,
    )
    .order_by(_EVENTS.c.seq)
    .limit(bindparam("most"))
)  # fmt: skip
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
    return _BETWEEN.rows(session, after=after, up_to=up_to or NEWEST, most=limit)


def asked_news(session: Session, after: int, names: str, limit: int) -> Callable[[], tuple[int, list[Any]]]:
    """Asks for the same up to the log's end, of events whose whole name fits the regular expression `names`.

    The answer is the number up to which that is all, and the events.
    """
    answer = _NEWS.ask(session, after=after, names=f"^(?:{names})$", most=limit)

    def news() -> tuple[int, list[Any]]:
        rows = answer.rows()
        found = [row for row in rows if row.id is not None]
        return (found[-1].seq if len(found) == limit else rows[0].head), found

    return news


def fitting(session: Session, after: int, up_to: int, name_regex: str, limit: int) -> list[Event]:
    """The first events of the log after number `after` whose name fits, oldest first, for everyone."""
    query = select(Event).where(Event.seq > after, Event.seq <= up_to, Event.name.regexp_match(f"^(?:{name_regex})$"))
    return list(session.scalars(query.order_by(Event.seq).limit(limit))) if after < up_to else []


def has_one_of(session: Session, task_id: uuid.UUID, names: Sequence[str], after: int) -> bool:
    """Whether there is an event of these names about the task after number `after`, for everyone."""
    there = exists().where(Event.task_id == task_id, Event.seq > after, Event.name.in_(names))
    return bool(session.scalar(select(there)))


def head(session: Session) -> int:
    """The last number given out."""
    return session.scalar(select(EventHead.seq)) or 0


def oldest(session: Session) -> int | None:
    """The oldest number still kept."""
    return session.scalar(select(func.min(Event.seq)))
