"""Rules of artifacts: the only writer of the table and the store."""

import mimetypes
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Select, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.identity import Actor
from gateway.core.paging import Listed, listed
from gateway.core.policy import Resource
from gateway.core.received_file import ReceivedFile
from gateway.core.references import counted, references
from gateway.core.schemas import PageQuery
from gateway.core.unit_of_work import Work

from . import queries, queries_purge
from .models import Artifact
from .store import Store, safe_filename

log = structlog.get_logger("gateway.artifacts")

INLINE = frozenset(
    {"text/plain", "text/csv", "text/markdown", "application/json", "application/pdf",
     "image/png", "image/jpeg", "image/gif", "image/webp"}
)  # fmt: skip
"""Media types that may be shown in our own origin; everything else is only ever downloaded."""


_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file with the name and type its sender gave it."""

    file: ReceivedFile
    filename: str | None
    media_type: str | None = None


def add(
    work: Work,
    store: Store,
    upload: Upload,
    *,
    owner_id: uuid.UUID | None = None,
    project_id: uuid.UUID | None = None,
    task_id: uuid.UUID | None = None,
    run_id: uuid.UUID | None = None,
    tags: tuple[str, ...] = (),
) -> Artifact:
    """Keeps a received file as an artifact of the caller, or of `owner_id` when a node adds a result."""
    owner = owner_id or work.actor.user_id
    work.allow("artifacts.create", Resource("artifacts", None, owner, project_id))
    file, name = upload.file, safe_filename(upload.filename)
    take_turns(work, file.sha256)
    store.keep(file)
    artifact = Artifact(
        owner_id=owner, project_id=project_id, task_id=task_id, run_id=run_id,
        origin="task" if run_id else "upload", filename=name, media_type=_media_type(name, upload.media_type),
        size=file.size, sha256=file.sha256,
    )  # fmt: skip
    work.session.add(artifact)
    work.session.flush()
    work.emit(
        "artifact.created", owner_id=owner, task_id=task_id, run_id=run_id, project_id=project_id, tags=tags,
        data={"artifact_id": str(artifact.id), "filename": name, "size": file.size},
    )  # fmt: skip
    return artifact


def visible(
    work: Work,
    *,
    task_id: uuid.UUID | None = None,
    run_id: uuid.UUID | None = None,
    origin: str | None = None,
) -> Select[Artifact]:
    """The artifacts the caller may see, to be paged."""
    work.allow("artifacts.read", Resource("artifacts", listed=True))
    return queries.filtered(work.actor, task_id=task_id, run_id=run_id, origin=origin)


def paged(work: Work, found: Select[Artifact], query: PageQuery) -> Listed[Artifact]:
    """One page of `found`, newest first."""
    return listed(work.session, found, Artifact.id, query)


def missing(work: Work, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `ids` that are no artifacts the caller may use."""
    return set(ids) - {artifact.id for artifact in queries.several(work.session, work.actor, ids)}


def of_run(work: Work, run_id: uuid.UUID) -> list[Artifact]:
    """What a run produced; whoever calls has decided about the run."""
    return queries.of_run(work.session, run_id)


def by_ids(work: Work, ids: Sequence[uuid.UUID], actor: Actor | None = None) -> list[Artifact]:
    """Those artifacts of these ids that the caller, or `actor`, may see, in their order."""
    found = {artifact.id: artifact for artifact in queries.several(work.session, actor or work.actor, ids)}
    return [found[wanted] for wanted in ids if wanted in found]


def get(work: Work, artifact_id: uuid.UUID) -> Artifact:
    """One artifact. Raises NotFound."""
    artifact = queries.one(work.session, work.actor, artifact_id)
    if artifact is None:
        raise NotFound("There is no such artifact, or it is not yours.")
    work.allow("artifacts.read", artifact.as_resource)
    return artifact


def remove(work: Work, store: Store, artifact_id: uuid.UUID) -> None:
    """Deletes an artifact, and its bytes where nothing else refers to them. Raises Conflict naming what needs it."""
    artifact = get(work, artifact_id)
    work.allow("artifacts.delete", artifact.as_resource)
    if found := references(work.session, Artifact.__tablename__, artifact.id):
        needed = " and ".join(counted(kind, count) for kind, count in found.items())
        raise Conflict(f"The artifact is needed by {needed}; delete those tasks first.", code="in_use")
    sha256 = artifact.sha256
    take_turns(work, sha256)
    work.session.delete(artifact)
    work.session.flush()
    work.emit(
        "artifact.deleted",
        owner_id=artifact.owner_id,
        task_id=artifact.task_id,
        data={"artifact_id": str(artifact.id)},
    )
    queries_purge.note_files(work.session, [sha256])  # a node looks at it where we do not come so far
    work.after_commit(lambda: _remove_now(work, store, sha256))


def _remove_now(work: Work, store: Store, sha256: str) -> None:
    """What does not go now is noted: the artifact is deleted all the same."""
    try:
        remove_unused(work, store, sha256)
        work.session.commit()
    except (OSError, SQLAlchemyError) as error:
        work.session.rollback()
        log.warning("the bytes of a deleted artifact are left to a node", sha256=sha256, error=type(error).__name__)


def remove_unused(work: Work, store: Store, sha256: str) -> None:
    """Deletes a file unless some artifact has the same bytes; it is noted no more to be looked at."""
    take_turns(work, sha256)
    queries_purge.forget_file(work.session, sha256)  # first: whoever notes it at this moment is waited for
    if not queries.is_stored(work.session, sha256):
        store.remove(sha256)


def carried_out(work: Work, store: Store, sha256: str) -> Path:
    """The file of that hash, for a node that does not share this disk. Raises NotFound."""
    work.allow("nodes.carry_files", Resource("nodes"))
    try:
        path = store.path(sha256)
    except ValueError:
        raise NotFound("That is no SHA-256.") from None
    if not path.exists():
        raise NotFound("There are no bytes with that SHA-256.")
    return path


def carried_in(work: Work, store: Store, sha256: str, file: ReceivedFile) -> None:
    """Keeps what such a node will make an artifact of; deleted after a while if it does not. Raises Invalid.

    It takes no turn: the node may have it, when it finds in its own unit of work that the bytes have gone meanwhile.
    """
    work.allow("nodes.carry_files", Resource("nodes"))
    if file.sha256 != sha256:
        raise Invalid.field("file", "the bytes have another SHA-256")
    store.keep(file)
    store.touch(sha256)
    queries_purge.note_files(work.session, [sha256])


def take_turns(work: Work, sha256: str) -> None:
    """Adding and deleting the same bytes take turns, so that no row ever points at a deleted file."""
    work.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"artifact:{sha256}"})


def _media_type(filename: str, given: str | None) -> str:
    plain = (given or "").split(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(plain) and plain not in ("application/octet-stream", "application/x-www-form-urlencoded"):
        return plain
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"
