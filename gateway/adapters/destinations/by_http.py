"""Destinations that are reached by one HTTP request through the guarded client. Redirects are not followed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from gateway.adapters.destinations.base import (
    ATTEMPT_S,
    CONNECT_S,
    AllowedHosts,
    C,
    DeliveryError,
    Destination,
    DestinationConfig,
    tls_context,
)
from gateway.core.outbound.exchange import Answer, Bounds, OutboundError

BOUNDS = Bounds(total_s=ATTEMPT_S, connect_s=CONNECT_S, body_bytes=16 * 2**10)

LONGEST_WAIT_S = 6 * 3600.0
"""How far a destination may put the next attempt off."""


class HttpConfig(DestinationConfig):
    """What all destinations on the web have."""

    allowed_hosts: AllowedHosts = []


class HttpDestination(Destination[C]):
    """A destination behind a URL."""

    permanent: ClassVar[frozenset[int]] = frozenset({400, 401, 403, 404, 405, 413, 422})
    """Answers that come back however often the message is sent."""

    def __init__(self, config: C, secrets: Sequence[str]) -> None:
        from gateway.core.outbound.guarded_posts import GuardedPosts  # only a node that sends something pays for it

        super().__init__(config, secrets)
        allowed: list[str] = getattr(config, "allowed_hosts", [])
        self._posts = GuardedPosts(tls=tls_context(), allowed_hosts=allowed)

    async def aclose(self) -> None:
        await self._posts.aclose()

    async def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One request with a body. Raises DeliveryError for every answer but 2xx."""
        answer = await self._posts.request(method, url, headers=headers, content=body, bounds=BOUNDS)
        if 200 <= answer.status < 300:
            return answer
        raise self.refusal(answer)

    async def send_json(
        self, url: str, value: Mapping[str, Any], *, method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> int:
        """One request with JSON; returns its status."""
        body = json.dumps(value, ensure_ascii=False).encode()
        answer = await self.request(method, url, body, {"Content-Type": "application/json", **(headers or {})})
        return answer.status

    def refusal(self, answer: Answer) -> DeliveryError:
        """What an answer that is no 2xx means."""
        status = answer.status
        if 300 <= status < 400:
            words = f"It answered {status}, a redirect, which is not followed; give the address it leads to."
            return DeliveryError(words, code="redirected", permanent=False, status=status)
        return DeliveryError(
            f"It answered {status}.", code="gone" if status == 410 else "refused", status=status, gone=status == 410,
            permanent=status == 410 or status in self.permanent, retry_after_s=_retry_after(answer),
        )  # fmt: skip


def check_url(url: str, allowed_hosts: Iterable[str], field: str) -> None:
    """Raises ValueError for an address that the guard would refuse for what its text says."""
    from gateway.core.outbound.guarded_http import GuardedClient  # only who makes such a destination pays for it

    client = GuardedClient(tls=tls_context(), allowed_hosts=allowed_hosts)
    try:
        client.judge(url)
    except OutboundError as error:
        hint = (
            " If you mean it, list its host as an allowed private one (allowed_hosts)."
            if error.code == "forbidden_address"
            else ""
        )
        raise ValueError(f"{field}: {error}{hint}") from None


def _retry_after(answer: Answer) -> float | None:
    written = answer.headers.get("Retry-After", "").strip()
    try:
        return bounded_wait(float(written))
    except ValueError:
        return None


def bounded_wait(seconds: float) -> float:
    """A wish that somebody else has written as a number, which may be none (NaN), as one that can be granted."""
    return min(max(0.0, seconds), LONGEST_WAIT_S)
