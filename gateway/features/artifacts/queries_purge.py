"""Which artifacts may be purged by a policy, and which files nothing refers to any more."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import UUID, Select, column, delete, exists, select, table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from .models import Artifact, UnusedFile

_ATTACHMENTS = table("task_attachments", column("artifact_id", UUID(as_uuid=True)))
"""The room of tasks stands above this one; what it uses is kept."""


def artifacts() -> Select[Any]:
    """Artifacts that are no task's input."""
    time, size = Artifact.created_at.label("time"), Artifact.size.label("bytes")
    columns: list[Any] = [Artifact.id, time, size, Artifact.owner_id, Artifact.project_id]
    return select(*columns).where(~exists().where(_ATTACHMENTS.c.artifact_id == Artifact.id))


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Deletes artifacts; their files are noted to be looked at."""
    gone = delete(Artifact).where(Artifact.id.in_(ids)).returning(Artifact.sha256)
    files = set(session.scalars(gone.execution_options(synchronize_session=False)))
    note_files(session, files)


def note_files(session: Session, files: Collection[str]) -> None:
    """Has these looked at by `noted_files`: maybe nothing refers to them. Whoever looks meanwhile waits for us."""
    if files:
        noted = insert(UnusedFile).values([{"sha256": name} for name in sorted(files)])
        session.execute(noted.on_conflict_do_update(index_elements=["sha256"], set_={"sha256": noted.excluded.sha256}))


def noted_files(session: Session, after: str, most: int) -> list[str]:
    """Files that may be unused, in the order of their hashes."""
    query = select(UnusedFile.sha256).where(UnusedFile.sha256 > after).order_by(UnusedFile.sha256).limit(most)
    return list(session.scalars(query))


def forget_file(session: Session, sha256: str) -> None:
    """The file has been looked at."""
    session.execute(delete(UnusedFile).where(UnusedFile.sha256 == sha256))
