"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.events import Event
from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Events; those of them that something came of."""
    for event in work.session.scalars(queries.visible(work.actor).where(Event.id.in_(ids))):
        yield Thing(Ref("events", event.id), event.name, event.time)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """What an event happened to: its task, else its run."""
    for event in work.session.scalars(queries.visible(work.actor).where(Event.id.in_(found.get("events", ())))):
        if event.task_id is not None:
            yield Edge(Ref("tasks", event.task_id), Ref("events", event.id), "it happened")
        elif event.run_id is not None:
            yield Edge(Ref("runs", event.run_id), Ref("events", event.id), "it happened")


TRACEABLE = (Traceable("events", things, edges),)
