"""Every select on the audit record."""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, false, literal_column, select, true
from sqlalchemy.orm import Session

from gateway.core.audit import ROOM, AuditHead, AuditRecord
from gateway.core.clock import first_id_at
from gateway.core.identity import Actor
from gateway.core.policy import reach
from gateway.core.visibility import seen_by

from .models import AuditCheckpoint
from .schemas import AuditFilter


def visible(actor: Actor, action: str = "audit.read") -> Select[AuditRecord]:
    """The records the actor may see: their own, and others' where the policy says so."""
    return select(AuditRecord).where(
        seen_by(actor, action, owner=AuditRecord.actor_id, project=AuditRecord.project_id, key=AuditRecord.id)
    )


def filtered(actor: Actor, wanted: AuditFilter, action: str = "audit.read") -> Select[AuditRecord]:
    """The visible ones, narrowed down; times filter through the time-ordered primary key, hence by partition."""
    query = visible(actor, action)
    is_own = reach(actor, action, "audit").is_own
    if wanted.actor is not None:
        query = query.where(_is_by(wanted.actor) if not is_own else _names(actor, wanted.actor))
    if wanted.action is not None and wanted.action != "*":
        query = query.where(_action_fits(wanted.action, among_denials=wanted.decision == "deny"))
    if wanted.resource is not None:
        query = query.where(_resource_fits(wanted.resource))
    if wanted.decision is not None:
        query = query.where(_decision_fits(wanted, of_one=is_own or wanted.actor is not None))
    if wanted.created_after is not None:
        query = query.where(AuditRecord.id >= first_id_at(wanted.created_after))
    if wanted.created_before is not None:
        query = query.where(AuditRecord.id < first_id_at(wanted.created_before))
    if wanted.request_id is not None:
        query = query.where(AuditRecord.request_id == wanted.request_id)
    return query.where(AuditRecord.via == wanted.via) if wanted.via is not None else query


def one(session: Session, actor: Actor, record_id: uuid.UUID) -> AuditRecord | None:
    """A record the actor may see."""
    return session.scalar(visible(actor).where(AuditRecord.id == record_id))


def head(session: Session) -> AuditHead | None:
    """The newest record's number and hash."""
    return session.get(AuditHead, 1)


def hash_of(session: Session, seq: int) -> bytes | None:
    """The stored hash of the record with that number."""
    return session.scalar(select(AuditRecord.hash).where(AuditRecord.seq == seq).order_by(AuditRecord.id).limit(1))


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint with the hash that its record has now; None where the record is gone."""

    checkpoint: AuditCheckpoint
    hash: bytes | None


def checkpoints(session: Session, after: int, limit: int) -> list[Found]:
    """Checkpoints after number `after`, each with what stands in the chain, oldest first."""
    stored = (
        select(AuditRecord.hash)
        .where(AuditRecord.seq == AuditCheckpoint.seq)
        .order_by(AuditRecord.id)
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(AuditCheckpoint, stored).where(AuditCheckpoint.seq > after).order_by(AuditCheckpoint.seq).limit(limit)
    )
    return [Found(checkpoint, found) for checkpoint, found in session.execute(query)]


def newest_checkpoint(session: Session, key_id: str) -> AuditCheckpoint | None:
    """The last checkpoint of a key."""
    query = select(AuditCheckpoint).where(AuditCheckpoint.key_id == key_id)
    return session.scalar(query.order_by(AuditCheckpoint.seq.desc()).limit(1))


def is_signed(session: Session, seq: int, key_id: str) -> bool:
    """Whether there is a checkpoint of that record by that key."""
    found = select(AuditCheckpoint.id).where(AuditCheckpoint.seq == seq, AuditCheckpoint.key_id == key_id)
    return session.scalar(found) is not None


def all_checkpoints() -> Select[AuditCheckpoint]:
    """Every checkpoint, to be paged."""
    return select(AuditCheckpoint)


def _as_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _is_by(text: str) -> ColumnElement[bool]:
    user_id = _as_id(text)
    return AuditRecord.actor_id == user_id if user_id else AuditRecord.actor == text


def _names(actor: Actor, text: str) -> ColumnElement[bool]:
    # Handles never change: who sees nothing but their own need not look for theirs among all that others did.
    return true() if text in (actor.handle, str(actor.user_id)) else false()


def _decision_fits(wanted: AuditFilter, *, of_one: bool) -> ColumnElement[bool]:
    # Literals, not parameters: only so may a prepared plan use the indexes on denials.
    if wanted.decision == "deny" and (of_one or wanted.action not in (None, "*")):
        return AuditRecord.decision != literal_column("'allow'")
    return AuditRecord.decision == literal_column(f"'{wanted.decision}'")


def _action_fits(glob: str, *, among_denials: bool) -> ColumnElement[bool]:
    if not glob.endswith(".*"):
        return AuditRecord.action == glob
    if among_denials and glob.count(".") == 1:
        return literal_column(ROOM) == glob.removesuffix(".*")
    # All that begins with `room.` lies between `room.` and `room/`, the next character, in the index's order.
    room = glob.removesuffix(".*")
    return and_(AuditRecord.action.op("~>=~")(f"{room}."), AuditRecord.action.op("~<~")(f"{room}/"))


def _resource_fits(text: str) -> ColumnElement[bool]:
    kind, slash, wanted = text.partition("/")
    if slash:
        return and_(AuditRecord.resource_kind == kind, AuditRecord.resource_id == wanted)
    return AuditRecord.resource_id == str(_as_id(text)) if _as_id(text) else AuditRecord.resource_kind == text
