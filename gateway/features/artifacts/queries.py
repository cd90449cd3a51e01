"""Every select on artifacts."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Artifact


def visible(actor: Actor) -> Select[Artifact]:
    """The artifacts the actor may see."""
    return select(Artifact).where(
        seen_by(actor, "artifacts.read", owner=Artifact.owner_id, project=Artifact.project_id, key=Artifact.id)
    )


def filtered(
    actor: Actor,
    *,
    task_id: uuid.UUID | None = None,
    run_id: uuid.UUID | None = None,
    origin: str | None = None,
) -> Select[Artifact]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if task_id is not None:
        query = query.where(Artifact.task_id == task_id)
    if run_id is not None:
        query = query.where(Artifact.run_id == run_id)
    return query.where(Artifact.origin == origin) if origin is not None else query


def one(session: Session, actor: Actor, artifact_id: uuid.UUID) -> Artifact | None:
    """An artifact the actor may see."""
    return session.scalar(visible(actor).where(Artifact.id == artifact_id))


def several(session: Session, actor: Actor, ids: Sequence[uuid.UUID]) -> list[Artifact]:
    """Those of `ids` that the actor may see."""
    return list(session.scalars(visible(actor).where(Artifact.id.in_(ids)))) if ids else []


def of_run(session: Session, run_id: uuid.UUID) -> list[Artifact]:
    """What a run produced, in the order it was collected."""
    return list(session.scalars(select(Artifact).where(Artifact.run_id == run_id).order_by(Artifact.id)))


def is_stored(session: Session, sha256: str) -> bool:
    """Whether any row still refers to these bytes."""
    return session.scalar(select(Artifact.id).where(Artifact.sha256 == sha256).limit(1)) is not None
