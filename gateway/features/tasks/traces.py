"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Task


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Tasks, with who asked for them."""
    makers = queries.makers(work.session, ids)
    for task in work.session.scalars(queries.visible(work.actor).where(Task.id.in_(ids))):
        ref = Ref("tasks", task.id)
        yield Thing(ref, task.name, task.created_at, task.status, task.ended_at, makers.get(task.id))


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """Tasks that waited for others."""
    for task_id, awaited in queries.waits(work.session, found.get("tasks", ())):
        yield Edge(Ref("tasks", awaited), Ref("tasks", task_id), "had to be completed first")


TRACEABLE = (Traceable("tasks", things, edges),)
