"""What requests to addresses that others chose may take, what comes of them, and how they fail.

`guarded_http` sends them. Here is no HTTP client: the first who sends loads it, 5 MB that a process at rest is spared.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) to the addresses of it, as texts. Raises OSError."""
Check = Callable[[str], None]
"""Called with each host, in ASCII, before it is asked for; raises OutboundError to forbid it."""


class OutboundError(Exception):
    """A request that was refused or went wrong: `code` is a stable word, the message one sentence for the user.

    `permanent`: trying the same again cannot help.
    """

    def __init__(self, message: str, *, code: str, permanent: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request may take, its redirects included. A body is cut at `body_bytes`, counted unpacked."""

    total_s: float = 20.0
    connect_s: float = 5.0
    body_bytes: int = 2 * 2**20
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back in the end, from `url`; `cut` when there was more than the bounds allow."""

    url: str
    status: int
    headers: "httpx.Headers"
    content: bytes
    cut: bool


def timed_out(total_s: float) -> OutboundError:
    """The whole of it took too long."""
    return OutboundError(f"It was not answered within {total_s:g} s.", code="outbound_timeout", permanent=False)


def late(place: str) -> OutboundError:
    """Connecting took too long, or what was waited for then."""
    return OutboundError(f"{place} did not answer in time.", code="outbound_timeout", permanent=False)


def unreachable(host: str, port: int | None) -> OutboundError:
    """No connection came about."""
    return OutboundError(f"{host[:253]} cannot be reached at port {port}.", code="unreachable", permanent=False)


def insecure(place: str) -> OutboundError:
    """A connection came about, but no secure one."""
    return OutboundError(
        f"{place} has no certificate that is trusted here, or speaks no TLS.", code="unreachable", permanent=False
    )


def broken_off(place: str) -> OutboundError:
    """The other side did not keep to the protocol, or went away."""
    return OutboundError(f"{place} broke off its answer.", code="broken_answer", permanent=False)
