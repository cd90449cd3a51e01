"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries, service

MOST = 50


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Operations of connectors that the caller may see; what came of one is written down as it is made."""
    for row, connector in queries.operations_seen(work.session, work.actor, service.groups_of(work), ids):
        ref = Ref("operations", row.id)
        yield Thing(ref, f"{row.operation} of {connector}", row.created_at, row.status, row.ended_at, row.actor)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """The task in whose name somebody asked for an operation."""
    operations, tasks = found.get("operations", ()), found.get("tasks", ())
    for operation_id, task_id in queries.operations_of_tasks(work.session, operations, tasks, MOST):
        yield Edge(Ref("tasks", task_id), Ref("operations", operation_id), "asked for it")


TRACEABLE = (Traceable("operations", things, edges, room="connectors"),)
