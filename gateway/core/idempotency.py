"""Idempotency-Key: the same key and body give the first answer again, for 24 hours.

The key's row is written in the same transaction as what the request creates, so two requests with one
key wait for each other and a failed request leaves no key behind. Answers are stored encrypted, because
some of them hold a secret that is shown once.
"""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import Response, current_app, request
from sqlalchemy import LargeBinary, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import crypto
from .clock import now
from .database import Base
from .errors import Invalid

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")


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


def claim(session: Session, actor_id: uuid.UUID, key: str, fingerprint: bytes) -> Response | None:
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
    body = crypto.unseal(_key(), earlier.body, f"{actor_id}:{key}") if earlier.body else b""
    replay = Response(body, status=earlier.status or 200)
    replay.headers.update(earlier.headers or {})
    replay.headers["Idempotency-Replayed"] = "true"
    return replay


def keep(session: Session, actor_id: uuid.UUID, key: str, response: Response) -> None:
    """Stores the answer with its key, to be replayed."""
    row = session.get_one(IdempotencyKey, (actor_id, key))
    row.status = response.status_code
    row.headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    row.body = crypto.seal(_key(), response.get_data(), f"{actor_id}:{key}")


def _key() -> bytes:
    return crypto.derived_key(current_app.config["SECRET_KEY"], "idempotency")


def purge(session: Session) -> None:
    """Drops keys that are past their day."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - KEPT))


def fingerprint_of_request() -> bytes:
    """SHA-256 over method, path, query and body; files count by the hash made while they streamed in."""
    digest = hashlib.sha256(f"{request.method} {request.full_path}\n{request.mimetype}\n".encode())
    if request.mimetype == "multipart/form-data":
        for name, value in sorted(request.form.items(multi=True)):
            digest.update(f"{name}={len(value)}:{value}\n".encode())
        for name, file in sorted(request.files.items(multi=True), key=lambda item: (item[0], item[1].filename or "")):
            digest.update(f"{name}={file.filename}:{file.stream.sha256}\n".encode())  # type: ignore[attr-defined]
    elif request.is_json or not request.content_length:
        digest.update(request.get_data(cache=True))
    else:
        digest.update(request.received.sha256.encode())  # type: ignore[attr-defined]
    return digest.digest()
