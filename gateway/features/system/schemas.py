"""The system on the wire (contract "HTTP conventions" and "Capabilities")."""

from typing import Any

from gateway.core.schemas import Out


class Health(Out):
    """The process is alive."""

    status: str
    version: str


class Reason(Out):
    """Why the gateway is not ready, and what an operator can do."""

    part: str
    reason: str
    remedy: str


class Readiness(Out):
    """Whether the main job can run now."""

    ready: bool
    reasons: list[Reason]


class Capability(Out):
    """A service or feature; for what is off, the reason and how to turn it on."""

    name: str
    available: bool
    reason: str | None = None
    remedy: str | None = None
    details: dict[str, Any] = {}


class Capabilities(Out):
    """All of them."""

    items: list[Capability]
