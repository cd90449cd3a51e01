"""Rules of reading the audit record, of its partitions, and of signing it."""

import uuid
from collections.abc import Iterator

import structlog
from sqlalchemy import Select, text
from sqlalchemy.orm import Session

from gateway.core.audit import AuditRecord
from gateway.core.clock import now
from gateway.core.errors import NotFound
from gateway.core.paging import page
from gateway.core.policy import Resource
from gateway.core.resources import Asked, as_id
from gateway.core.unit_of_work import Work

from . import queries
from .models import AuditCheckpoint
from .schemas import AuditFilter, PublicKey
from .signer import Mark, Sessions, Signer

BATCH = 1000
"""Records of an export that are in memory at once."""

MONTHS_AHEAD = 3

log = structlog.get_logger("gateway.audit")


def visible(work: Work, wanted: AuditFilter) -> Select[AuditRecord]:
    """The records the caller may see, to be paged newest first. That they were read is recorded too."""
    work.allow("audit.read", Resource("audit", listed=True))
    return queries.filtered(work.actor, wanted)


def get(work: Work, record_id: uuid.UUID) -> AuditRecord:
    """One record. Raises NotFound."""
    record = queries.one(work.session, work.actor, record_id)
    if record is None:
        raise NotFound("There is no such audit record, or it is not yours.")
    work.allow("audit.read", _as_resource(record))
    return record


def described(session: Session, key: str, asked: Asked) -> Resource | None:
    """What the policy is asked about the record of that id, for whoever explains what it would decide."""
    wanted = as_id(key)
    record = session.get(AuditRecord, wanted) if wanted is not None else None
    return _as_resource(record) if record is not None else None


def _as_resource(record: AuditRecord) -> Resource:
    return Resource("audit", record.id, record.actor_id, record.project_id)


def export(work: Work, sessions: Sessions, wanted: AuditFilter) -> Iterator[list[AuditRecord]]:
    """Decides now; then gives the records oldest first, in the order of their numbers, a batch at a time.

    Each batch is read in a transaction of its own, since a slow reader may take hours over them.
    """
    work.allow("audit.export", Resource("audit", listed=True))
    return _batches(sessions, queries.filtered(work.actor, wanted, "audit.export"))


def _batches(sessions: Sessions, found: Select[AuditRecord]) -> Iterator[list[AuditRecord]]:
    cursor: str | None = None
    while True:
        with sessions() as session:
            rows, cursor = page(session, found, AuditRecord.seq, limit=BATCH, cursor=cursor, oldest_first=True)
        yield rows
        if cursor is None:
            return


def checkpoints(work: Work) -> Select[AuditCheckpoint]:
    """The signed checkpoints, to be paged. They speak of the whole chain, so they are for who may verify it."""
    work.allow("audit.verify", Resource("audit"))
    return queries.all_checkpoints()


def public_key(work: Work, signer: Signer) -> PublicKey:
    """What the signatures are checked with."""
    work.allow("audit.verify", Resource("audit"))
    return PublicKey(key_id=signer.key_id, public_key=signer.public_key.hex())


def checkpoint(work: Work, signer: Signer) -> Mark | None:
    """Signs the newest record's hash, when there is a new one; returns what was signed.

    Nothing is signed that contradicts the signature before: its record must still have the hash it had. So a
    forged chain gets no new signature, and the log says why.
    """
    head, before = queries.head(work.session), signer.newest()
    if head is None or head.seq == 0 or (before is not None and before.seq == head.seq and before.hash == head.hash):
        return None
    if before is not None and queries.hash_of(work.session, before.seq) != before.hash:
        log.error("the audit chain contradicts its last checkpoint; it is not signed", seq=before.seq)
        return None
    if queries.is_signed(work.session, head.seq, signer.key_id):  # by another gateway, which has the same key
        return None
    mark = Mark(head.seq, head.hash, now())
    signature = signer.sign(mark)
    work.session.add(
        AuditCheckpoint(
            seq=mark.seq, hash=mark.hash, time=mark.time, key_id=signer.key_id, signature=signature
        )
    )  # fmt: skip
    work.after_commit(lambda: signer.keep(mark, signature))
    return mark


def add_partitions(work: Work) -> int:
    """Makes the partitions of this month and of those that come, where they are missing; returns how many."""
    made: int = work.session.execute(text("SELECT audit_add_partitions(:ahead)"), {"ahead": MONTHS_AHEAD}).scalar_one()
    return made
