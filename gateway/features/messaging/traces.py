"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, and_, null

from gateway.core.events import Event
from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Delivery


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Messages that were sent, or are to be, by the name of where they go."""
    for row, destination in queries.named_deliveries(work.session, work.actor, ids):
        yield Thing(Ref("deliveries", row.id), destination, row.created_at, row.status, row.finished_at)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """What a message tells of: an event, and the task or run that it happened to; of no event that nobody was told."""
    for what in _ways(found):
        for row, event in queries.telling(work.session, work.actor, what):
            if event.task_id is not None:
                yield Edge(Ref("tasks", event.task_id), Ref("events", event.id), "it happened")
            elif event.run_id is not None:
                yield Edge(Ref("runs", event.run_id), Ref("events", event.id), "it happened")
            yield Edge(Ref("events", event.id), Ref("deliveries", row.id), "was to be told")


def _ways(found: Found) -> Iterable[ColumnElement[bool]]:
    """What to look for, each of it by an index."""
    if ids := found.get("deliveries"):
        yield Delivery.id.in_(ids)
    if ids := found.get("events"):
        yield Event.id.in_(ids)
    if ids := found.get("tasks"):
        yield Event.task_id.in_(ids)
    if ids := found.get("runs"):
        yield and_(Event.task_id.is_(null()), Event.run_id.in_(ids))


TRACEABLE = (Traceable("deliveries", things, edges),)
