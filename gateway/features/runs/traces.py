"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from sqlalchemy import or_

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Run

MOST = 200


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Runs."""
    for run in work.session.scalars(queries.visible(work.actor).where(Run.id.in_(ids))):
        title = run.name or (f"attempt {run.attempt}" if run.kind == "task" else run.kind)
        yield Thing(Ref("runs", run.id), title, run.created_at, run.status, run.ended_at)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """A run's task, and the run it is part of."""
    runs, tasks = found.get("runs", ()), found.get("tasks", ())
    touched = or_(Run.id.in_(runs), Run.task_id.in_(tasks), Run.parent_run_id.in_(runs))
    query = queries.visible(work.actor).where(touched).order_by(Run.id.desc()).limit(MOST)
    for run in work.session.scalars(query):
        if run.parent_run_id is not None:
            yield Edge(Ref("runs", run.parent_run_id), Ref("runs", run.id), "began it")
        elif run.task_id is not None:
            yield Edge(Ref("tasks", run.task_id), Ref("runs", run.id), "was carried out")


TRACEABLE = (Traceable("runs", things, edges),)
