"""What the failures of upstreams mean that speak OpenAI's chat protocol."""

from typing import Any

from gateway.adapters.providers.base import ProviderError, Upstream

MAX_REASON_CHARS = 300


def refusal(upstream: Upstream, status: int, error: Any) -> ProviderError:
    """What an upstream's HTTP status and the `error` of its body mean; never with the key that it may repeat."""
    code, advice = _STATUS_CODES.get(status, ("upstream_error", ""))
    return ProviderError(
        f"{upstream.base_url} answered {status}: {reason_of(upstream, error)} {advice}".rstrip(),
        code=code, permanent=is_permanent(status), status=status,
    )  # fmt: skip


def reason_of(upstream: Upstream, error: Any) -> str:
    """The upstream's own words, shortened, without the key some upstreams repeat."""
    text = error.get("message") if isinstance(error, dict) else error
    reason = text.strip() if isinstance(text, str) and text.strip() else "it gave no reason."
    key = upstream.headers.get("Authorization", "").removeprefix("Bearer ")
    reason = reason.replace(key, "SECRET_REDACTED") if key else reason
    return reason if len(reason) <= MAX_REASON_CHARS else reason[:MAX_REASON_CHARS] + "…"


_STATUS_CODES = {
    400: ("invalid_request", ""),
    401: ("unauthorized", "Check the provider's key."),
    403: ("unauthorized", "Check what the provider's key may do."),
    404: ("unknown_model", "Check the model's name and the provider's address."),
    413: ("invalid_request", "Send a shorter prompt."),
    422: ("invalid_request", ""),
    429: ("rate_limited", "Wait and try again."),
}


def is_permanent(status: int) -> bool:
    """Whether the same request is answered so however often it is sent."""
    return status < 500 and status not in (408, 409, 425, 429)


def bad_response(place: str) -> ProviderError:
    """What answers at `place` speaks something else."""
    return ProviderError(
        f"{place} answered with something that is not OpenAI's protocol; check the provider's address.",
        code="bad_response",
        permanent=False,
    )
