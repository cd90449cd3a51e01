"""Whether a request comes from who may send it: Standard Webhooks, GitHub, Slack, Discord, any HMAC, a token. Pure.

All comparisons of secrets take the same time whatever was sent. A refusal's reason is for the audit record and the
hook's owner; the sender learns nothing of it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.errors import BadRequest

from .requests import Received, read_body

TOLERANCE_S = 300
"""How far a timestamp may lie from now, as Standard Webhooks and Slack recommend."""

SIGNATURE_HEADERS = ("x-signature", "x-signature-256", "x-hub-signature-256", "x-webhook-signature")
TOKEN_HEADERS = ("authorization", "x-hook-token", "x-webhook-token", "x-gitlab-token", "x-matrix-hookshot-token")
DELIVERY_HEADERS = (
    "x-delivery-id", "webhook-id", "x-github-delivery", "x-gitlab-event-uuid", "x-matrix-hookshot-eventid",
    "idempotency-key",
)  # fmt: skip

Options = Mapping[str, Any]


class Refused(Exception):
    """The request is not from who may send it; the message says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose sender is known. `keys` are what may count once: the delivery's id, or what was signed."""

    keys: tuple[str, ...]
    delivery_id: str | None = None


def verify(kind: str, options: Options, secrets: Sequence[str], received: Received) -> Verified:
    """Judges a request by any of the live `secrets`. Raises Refused."""
    return _KINDS[kind](options, secrets, received)


def _standard(options: Options, secrets: Sequence[str], received: Received) -> Verified:
    headers = received.headers
    delivery, stamp, sent = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (delivery and stamp and sent):
        raise Refused("a header webhook-id, webhook-timestamp or webhook-signature is missing")
    _check_time(stamp, options, received)
    signed = f"{delivery}.{stamp}.".encode() + received.body
    given = [_base64(part[3:]) for part in sent.split(" ")[:20] if part.startswith("v1,")]
    if not _any_fits(given, [_mac(standard_key(secret), signed, "sha256") for secret in secrets]):
        raise Refused("no signature fits")
    return _once(delivery)


def _github(options: Options, secrets: Sequence[str], received: Received) -> Verified:
    sent = received.headers.get("x-hub-signature-256", "")
    if not sent.startswith("sha256="):
        raise Refused("the header X-Hub-Signature-256 is missing")
    given = [_hex(sent.removeprefix("sha256="))]
    if not _any_fits(given, [_mac(secret.encode(), received.body, "sha256") for secret in secrets]):
        raise Refused("the signature does not fit")
    # Only the body is signed: the id alone would let an old request pass for a new one.
    return _once(received.headers.get("x-github-delivery"), signed=given[0])


def _slack(options: Options, secrets: Sequence[str], received: Received) -> Verified:
    stamp, sent = (received.headers.get(name, "") for name in ("x-slack-request-timestamp", "x-slack-signature"))
    if not (stamp and sent.startswith("v0=")):
        raise Refused("a header X-Slack-Request-Timestamp or X-Slack-Signature is missing")
    _check_time(stamp, options, received)
    given = [_hex(sent.removeprefix("v0="))]
    signed = f"v0:{stamp}:".encode() + received.body
    if not _any_fits(given, [_mac(secret.encode(), signed, "sha256") for secret in secrets]):
        raise Refused("the signature does not fit")
    # What Slack sends again has a new timestamp and the old event.
    delivery = None
    with suppress(BadRequest):
        body = read_body(received)
        inside = body.get("payload") if isinstance(body, dict) and isinstance(body.get("payload"), dict) else body
        if isinstance(inside, dict):
            delivery = next((inside[name] for name in ("event_id", "trigger_id") if inside.get(name)), None)
    return _once(delivery if isinstance(delivery, str) else None, signed=given[0])


def _discord(options: Options, secrets: Sequence[str], received: Received) -> Verified:
    stamp, sent = (received.headers.get(f"x-signature-{name}", "") for name in ("timestamp", "ed25519"))
    signature = _hex(sent)
    if not (stamp and signature):
        raise Refused("a header X-Signature-Timestamp or X-Signature-Ed25519 is missing")
    _check_time(stamp, options, received)
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(options["public_key"]))
        key.verify(signature, stamp.encode() + received.body)
    except (InvalidSignature, ValueError) as error:
        raise Refused("the signature does not fit") from error
    return _once(None, signed=signature)


def _hmac(options: Options, secrets: Sequence[str], received: Received) -> Verified:
    named = options.get("header")
    names = (named.lower(),) if named else SIGNATURE_HEADERS
    sent = next((received.headers[name].strip() for name in names if name in received.headers), "")
    if not sent:
        raise Refused(f"the header {named or 'X-Signature'} with the signature is missing")
    algorithm = options.get("algorithm", "sha256")
    prefix = options.get("prefix") or f"{algorithm}="
    decode = _base64 if options.get("encoding") == "base64" else _hex
    signed = received.body
    if stamp_header := options.get("timestamp_header"):
        stamp = received.headers.get(stamp_header.lower(), "")
        if not stamp:
            raise Refused(f"the header {stamp_header} with the time is missing")
        _check_time(stamp, options, received)
        signed = f"{stamp}.".encode() + signed
    given = [decode(sent.removeprefix(prefix))]
    if not _any_fits(given, [_mac(secret.encode(), signed, algorithm) for secret in secrets]):
        raise Refused("the signature does not fit")
    return _once(_delivery(options, received), signed=given[0])


def _token(options: Options, secrets: Sequence[str], received: Received) -> Verified:
    if field := options.get("field"):
        try:
            body = read_body(received)
        except BadRequest as error:
            raise Refused(f"the body, which holds the token in {field}, cannot be read") from error
        sent = body.get(field) if isinstance(body, dict) else None
        where = f"the field {field}"
    else:
        named = options.get("header")
        names = (named.lower(),) if named else TOKEN_HEADERS
        sent = next((received.headers[name] for name in names if name in received.headers), None)
        where = f"the header {named or 'Authorization'}"
    if not isinstance(sent, str) or not sent:
        raise Refused(f"{where} with the token is missing")
    scheme, _, rest = sent.strip().partition(" ")
    given = (rest.strip() if scheme.lower() == "bearer" and rest else sent.strip()).encode()
    if not _any_fits([given], [secret.encode() for secret in secrets]):
        raise Refused("the token is wrong")
    return _once(_delivery(options, received))


_KINDS: dict[str, Callable[[Options, Sequence[str], Received], Verified]] = {
    "standard_webhooks": _standard, "github": _github, "slack": _slack, "hmac": _hmac, "token": _token,
    "discord": _discord,
}  # fmt: skip


def standard_key(secret: str) -> bytes:
    """The key in a secret of Standard Webhooks. Raises ValueError for what is none."""
    text = secret.removeprefix("whsec_")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _any_fits(given: Sequence[bytes], right: Sequence[bytes]) -> bool:
    """Whether one of them is right; all are compared, whichever fits."""
    found = [hmac.compare_digest(one, other) for one in given for other in right]
    return any(found)


def _mac(key: bytes, signed: bytes, algorithm: str) -> bytes:
    return hmac.new(key, signed, getattr(hashlib, algorithm)).digest()


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _check_time(stamp: str, options: Options, received: Received) -> None:
    """Raises Refused for a Unix time, in seconds, too far from now."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise Refused("the timestamp is no Unix time")
    off = int(stamp) - received.at.timestamp()
    if abs(off) > options.get("tolerance_s", TOLERANCE_S):
        raise Refused(f"the timestamp lies {abs(off):.0f} s in the {'past' if off < 0 else 'future'}")


def _delivery(options: Options, received: Received) -> str | None:
    named = options.get("delivery_header")
    names = (named.lower(),) if named else DELIVERY_HEADERS
    return next((received.headers[name] for name in names if name in received.headers), None)


def _once(delivery: str | None, *, signed: bytes = b"") -> Verified:
    if delivery is not None and not (delivery.isprintable() and 0 < len(delivery) <= 255):
        raise Refused("the delivery's id is not 1 to 255 printable characters")
    keys = [f"id:{delivery}"] if delivery else []
    keys += [f"signed:{signed.hex()}"] if signed else []
    return Verified(tuple(keys), delivery)
