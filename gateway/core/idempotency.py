"""Idempotency-Key: the same key and body give the first answer again, for 24 hours.

The key's row is written in the same transaction as what the request creates, so two requests with one
key wait for each other and a failed request leaves no key behind. Answers are stored encrypted, because
some of them hold a secret that is shown once.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from .clock import now
from .database import Base
from .errors import Invalid
from .secrets import crypto

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"


class IdempotencyKey(Base):
    """A key as one user sent it, with the answer it got."""

    __tablename__ = "idempotency_keys"

    actor_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with."""

    status: int
    headers: dict[str, str]
    body: bytes


def claim(session: Session, actor_id: uuid.UUID, key: str, fingerprint: bytes, *, sealing_key: bytes) -> Answer | None:
    """Takes the key for this request, or returns the answer that an earlier one got.

    Raises Invalid when the key is malformed or was used with another request.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise Invalid.field(HEADER, "send 1 to 255 printable characters")
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.actor_id == actor_id,
            IdempotencyKey.key == key,
            IdempotencyKey.created_at < now() - KEPT,
        )
    )
    taken = session.execute(
        insert(IdempotencyKey)
        .values(actor_id=actor_id, key=key, fingerprint=fingerprint, created_at=now())
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ).scalar()
    if taken is not None:
        return None
    earlier = session.get_one(IdempotencyKey, (actor_id, key))
    if earlier.fingerprint != fingerprint:
        raise Invalid.field(
            HEADER, "this key was used with another request; use a new key", code="idempotency_key_reused"
        )
    body = crypto.unseal(sealing_key, earlier.body, f"{actor_id}:{key}") if earlier.body else b""
    return Answer(earlier.status or 200, earlier.headers or {}, body)


def keep(session: Session, actor_id: uuid.UUID, key: str, answer: Answer, *, sealing_key: bytes) -> None:
    """Stores the answer with its key, to be replayed."""
    row = session.get_one(IdempotencyKey, (actor_id, key))
    row.status, row.headers = answer.status, dict(answer.headers)
    row.body = crypto.seal(sealing_key, answer.body, f"{actor_id}:{key}")


def purge(session: Session, most: int) -> int:
    """Drops up to `most` keys that are past their day; returns how many those were."""
    row = tuple_(IdempotencyKey.actor_id, IdempotencyKey.key)
    old = select(IdempotencyKey.actor_id, IdempotencyKey.key).where(IdempotencyKey.created_at < now() - KEPT)
    gone = session.execute(delete(IdempotencyKey).where(row.in_(old.limit(most))).returning(IdempotencyKey.key))
    return len(gone.all())
