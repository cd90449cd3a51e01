"""Errors that know their HTTP status, code word and message for the user.

Services raise them; they are rendered in one place (RFC 9457, docs/api.md).
"""

from collections.abc import Iterable
from typing import ClassVar, TypedDict

TOLD = 5
"""Of so many fields the words are in the detail; `errors` has all."""


class FieldError(TypedDict):
    """One rejected field: its dotted path and what is wrong with it."""

    field: str
    message: str


class GatewayError(Exception):
    """Base of every error with an HTTP answer.

    `detail` is one sentence for the user that says what to do; it never holds a secret. `errors` are pairs of a field's
    dotted path and what is wrong with it.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    code: str = "internal_error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Iterable[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.errors: list[FieldError] = [{"field": field, "message": message} for field, message in errors]
        self.headers = headers or {}


class BadRequest(GatewayError):
    status, title, code = 400, "Malformed request", "malformed_request"


class Unauthenticated(GatewayError):
    status, title, code = 401, "Not signed in", "unauthenticated"


class Forbidden(GatewayError):
    status, title, code = 403, "Not allowed", "forbidden"


class NotFound(GatewayError):
    status, title, code = 404, "Not found", "not_found"


class MethodNotAllowed(GatewayError):
    status, title, code = 405, "Method not allowed", "method_not_allowed"


class Conflict(GatewayError):
    status, title, code = 409, "Conflict", "conflict"


class Gone(GatewayError):
    status, title, code = 410, "Gone", "purged"


class PreconditionFailed(GatewayError):
    status, title, code = 412, "Stale version", "stale_version"


class TooLarge(GatewayError):
    status, title, code = 413, "Too large", "too_large"


class UnsupportedMediaType(GatewayError):
    status, title, code = 415, "Unsupported media type", "unsupported_media_type"


class RangeNotSatisfiable(GatewayError):
    status, title, code = 416, "Range not satisfiable", "range_not_satisfiable"


class Misdirected(GatewayError):
    status, title, code = 421, "Misdirected request", "host_not_allowed"


class Invalid(GatewayError):
    status, title, code = 422, "Invalid fields", "invalid_fields"

    @classmethod
    def field(cls, field: str, message: str, *, code: str | None = None) -> "Invalid":
        """A 422 about exactly one field."""
        return cls(f"{field}: {message}", code=code, errors=[(field, message)])

    @classmethod
    def fields(cls, problems: Iterable[tuple[str, str]], *, code: str | None = None) -> "Invalid":
        """A 422 about each of these fields: pairs of its dotted path and what is wrong with it."""
        found = list(problems)
        return cls("; ".join(f"{field}: {message}" for field, message in found[:TOLD]), code=code, errors=found)


class TooMany(GatewayError):
    status, title, code = 429, "Too many requests", "too_many_requests"

    @classmethod
    def of(cls, things: str, limit: int, wait_s: int) -> "TooMany":
        """A 429 with the headers that tell a client when to come back; `limit` is per minute."""
        headers = {
            "Retry-After": str(wait_s),
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(wait_s),
        }
        return cls(f"Too many {things} from your address; try again in {wait_s} seconds.", headers=headers)


class NotReady(GatewayError):
    status, title, code = 503, "Not ready", "not_ready"


class InsufficientStorage(GatewayError):
    status, title, code = 507, "Disk full", "disk_full"


class MissingPart(Exception):
    """A part the product needs is missing: one sentence with the remedy. The command line exits 4."""


class AlreadyRunning(Exception):
    """Another process holds the data directory: the message names it. The command line exits 3."""
