"""How a room says what of it is there: the door `capabilities`, asked for `GET /v1/capabilities` and the doctor.

A room with something to turn on or off has `capabilities.py` with one function, `found(work, config)`, that yields a
`Capability` for each; whoever asks has been allowed to.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Capability:
    """A service or feature; for what is off, the reason and how to turn it on."""

    name: str
    available: bool
    reason: str | None = None
    remedy: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def on(name: str, **details: Any) -> Capability:
    """Something that is there."""
    return Capability(name, True, details=details)


def on_if(there: bool, name: str, reason: str, remedy: str, **details: Any) -> Capability:
    """Something that is there or not; `reason` and `remedy` count only where it is not."""
    return on(name, **details) if there else Capability(name, False, reason, remedy, details)
