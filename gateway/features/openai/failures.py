"""What can go wrong with a completion, as errors with a status, and how OpenAI's clients read an error."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.passthrough import Head
from gateway.core.errors import (
    BadRequest,
    FieldError,
    GatewayError,
    Invalid,
    NotFound,
    TooLarge,
    TooMany,
)
from gateway.features.limits.service_spending import SpendingStopped, SpendLimitReached

LONGEST_REASON = 300


class CompletionTimeout(GatewayError):
    status, title, code = 504, "Completion timed out", "completion_timeout"


class RequestCanceled(GatewayError):
    status, title, code = 408, "Request canceled", "request_canceled"


class InferenceFailed(GatewayError):
    status, title, code = 502, "Inference failed", "inference_failed"


class Overloaded(GatewayError):
    status, title, code = 503, "Overloaded", "overloaded"


def stopping() -> GatewayError:
    """What a client is told that waits for an answer when the gateway stops."""
    return Overloaded("The gateway is stopping; try again when it is back.", headers={"Retry-After": "5"})


_TYPES = {401: "authentication_error", 403: "permission_error", 408: "timeout_error", 429: "rate_limit_error"}

_THE_CALLERS: dict[int, type[GatewayError]] = {400: BadRequest, 413: TooLarge, 422: Invalid, 429: TooMany}
"""Upstream's refusals that are about the request itself."""


_OF_TASKS: dict[str, type[GatewayError]] = {
    "timed_out": CompletionTimeout, "timeout": CompletionTimeout, "spend_limit_reached": SpendLimitReached,
    "spending_stopped": SpendingStopped,
}  # fmt: skip
"""Codes of failed tasks that clients treat in a way of their own."""


def error_shape(status: int, detail: str, code: str, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """The body of an error (OpenAI's API reference, "Error object")."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    param = errors[0]["field"] if errors else None
    return {"error": {"message": detail, "type": kind, "param": param, "code": code}}


def event_of(error: GatewayError) -> bytes:
    """An error after a stream has begun, as one of its events."""
    body = error_shape(error.status, error.detail, error.code, error.errors)
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def from_provider(error: ProviderError) -> GatewayError:
    """The error for a provider that could not be reached or broke off."""
    if error.code == "timeout":
        return CompletionTimeout(str(error))
    if error.code == "not_running":
        return Overloaded(str(error), headers={"Retry-After": "5"})
    return InferenceFailed(str(error))


def from_task(status: str, error: Mapping[str, Any]) -> GatewayError:
    """The error for a task of the agent that has failed or was canceled."""
    message = str(error.get("message") or f"The agent's task is {status}.")
    if status == "canceled":
        return RequestCanceled(message)
    return _OF_TASKS.get(str(error.get("code")), InferenceFailed)(message)


def from_answer(head: Head, body: bytes, model: str, key: str) -> GatewayError:
    """The error for an upstream's answer that is none: its own words where they are about the request.

    `key` is the upstream's, which some repeat: it is taken out.
    """
    headers = {"Retry-After": head.headers["retry-after"]} if "retry-after" in head.headers else {}
    error = _error_in(body)
    reason = _reason(error, key)
    said = f"The upstream of {model} answered {head.status}: {reason}"
    if head.status == 404:
        return NotFound(f"There is no model {model!r} at its provider any more: {reason}", code="model_not_found")
    if head.status in _THE_CALLERS:
        param = error.get("param") if isinstance(error, Mapping) else None
        named = [(param, reason)] if isinstance(param, str) else []
        code = error.get("code") if isinstance(error, Mapping) else None
        known = code if isinstance(code, str) and code.isascii() and 0 < len(code) <= 64 else None
        return _THE_CALLERS[head.status](reason, code=known, errors=named, headers=headers)
    if head.status == 503:
        return Overloaded(said, headers=headers or {"Retry-After": "5"})
    if head.status in (401, 403):
        return InferenceFailed(f"{said} Check the provider's key.")
    return InferenceFailed(said, headers=headers)


def from_event(error: Any, model: str, key: str) -> GatewayError:
    """The error that an upstream told in the middle of its stream."""
    return InferenceFailed(f"The upstream of {model} broke off its answer: {_reason(error, key)}")


def not_the_protocol(model: str) -> GatewayError:
    """The error for an answer that cannot be read."""
    return InferenceFailed(
        f"The upstream of {model} answered with something that is not OpenAI's protocol; check the provider's address."
    )


def _error_in(body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("error", answer.get("detail")) if isinstance(answer, dict) else None


def _reason(error: Any, key: str) -> str:
    text = error.get("message") if isinstance(error, Mapping) else error
    reason = text.strip() if isinstance(text, str) and text.strip() else "it gave no reason."
    if key:
        reason = reason.replace(key, "SECRET_REDACTED")
    return reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "…"
