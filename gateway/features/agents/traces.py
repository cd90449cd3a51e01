"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable
from gateway.features.tasks import service as tasks

from . import queries


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Tools that agents have used, of tasks that the caller may see."""
    found = queries.tools_used(work.session, step_ids=ids)
    seen = tasks.seen_among(work, {step.task_id for step in found})
    for step in found:
        if step.task_id in seen:
            yield Thing(Ref("steps", step.id), step.name or step.kind, step.started_at, step.status, step.ended_at)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """The run that a step is of."""
    for step in queries.tools_used(work.session, found.get("steps", ()), found.get("runs", ())):
        yield Edge(Ref("runs", step.run_id), Ref("steps", step.id), "used a tool")


TRACEABLE = (Traceable("steps", things, edges, room="agents"),)
