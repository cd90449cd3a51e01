"""Idempotency-Key on the request at hand: its fingerprint, the answer of before, the answer to keep."""

import hashlib
import hmac
import uuid

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from gateway.core import idempotency
from gateway.core.idempotency import Answer
from gateway.core.secrets import crypto

KEPT_HEADERS = ("Location", "ETag", "Content-Type")


def answer_of_before(session: Session, actor_id: uuid.UUID, key: str, fingerprint: bytes) -> Response | None:
    """The answer that an earlier request with this key got; None gives the key to this one. Raises Invalid."""
    earlier = idempotency.claim(session, actor_id, key, fingerprint, sealing_key=_sealing_key())
    if earlier is None:
        return None
    response = Response(earlier.body, status=earlier.status)
    response.headers.update(earlier.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def keep(session: Session, actor_id: uuid.UUID, key: str, response: Response) -> None:
    """Keeps the answer for the next request with this key."""
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    answer = Answer(response.status_code, headers, response.get_data())
    idempotency.keep(session, actor_id, key, answer, sealing_key=_sealing_key())


def fingerprint_of_request(scopes: tuple[str, ...] | None, *, is_file: bool) -> bytes:
    """HMAC-SHA-256 over method, path, query and body; files count by the hash made while they streamed in.

    It is keyed, because a plain hash would let whoever has the database try passwords on a body that held one. A
    credential of other `scopes` makes another request: no token may fetch an answer it could not have got.
    """
    start = f"{request.method} {request.full_path}\n{request.mimetype}\n{scopes}\n"
    key = crypto.derived_key(current_app.config["SECRET_KEY"], "idempotency fingerprint")
    digest = hmac.new(key, start.encode(errors="surrogateescape"), hashlib.sha256)
    if request.mimetype == "multipart/form-data":
        for name, value in sorted(request.form.items(multi=True)):
            digest.update(f"{name}={len(value)}:{value}\n".encode())
        for name, file in sorted(request.files.items(multi=True), key=lambda item: (item[0], item[1].filename or "")):
            digest.update(f"{name}={file.filename}:{file.stream.sha256}\n".encode())  # type: ignore[attr-defined]
    elif is_file:
        digest.update(request.received.sha256.encode())  # type: ignore[attr-defined]
    else:
        digest.update(request.get_data(cache=True))
    return digest.digest()


def _sealing_key() -> bytes:
    return crypto.derived_key(current_app.config["SECRET_KEY"], "idempotency")
