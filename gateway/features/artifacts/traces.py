"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Found, Ref, Thing, Traceable

from . import queries
from .models import Artifact

MOST = 50


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Artifacts."""
    for file in work.session.scalars(queries.visible(work.actor).where(Artifact.id.in_(ids))):
        yield Thing(Ref("artifacts", file.id), file.filename, file.created_at)


def edges(work: Work, found: Found) -> Iterable[Edge]:
    """The run that a file is from."""
    touched = Artifact.run_id.in_(found.get("runs", ())) | Artifact.id.in_(found.get("artifacts", ()))
    query = queries.visible(work.actor).where(touched, Artifact.run_id.is_not(None))
    for file in work.session.scalars(query.order_by(Artifact.id).limit(MOST)):
        if file.run_id is not None:
            yield Edge(Ref("runs", file.run_id), Ref("artifacts", file.id), "made it")


TRACEABLE = (Traceable("artifacts", things, edges),)
