"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Process

MOST = 50


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Background processes."""
    for process in work.session.scalars(queries.visible(work.actor).where(Process.id.in_(ids))):
        ref = Ref("processes", process.id)
        yield Thing(ref, process.name, process.created_at, process.status, process.ended_at, process.created_by)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """The run that a process belongs to."""
    touched = Process.run_id.in_(found.get("runs", ())) | Process.id.in_(found.get("processes", ()))
    for process in work.session.scalars(queries.visible(work.actor).where(touched).order_by(Process.id).limit(MOST)):
        yield Edge(Ref("runs", process.run_id), Ref("processes", process.id), "has it in its sandbox")


TRACEABLE = (Traceable("processes", things, edges),)
