"""How much may come to hooks: in memory, since one process is the gateway."""

import uuid
from collections.abc import Hashable

from gateway.core.errors import TooMany
from gateway.features.limits.gate import Pacer

UNKNOWN_A_MINUTE = 120
"""Requests of one address to hooks that are not there."""

REJECTED_A_MINUTE = 300
"""Requests to one hook that are turned away one by one, each recorded; more are turned away unrecorded.

They never use up what those who may send are allowed: a wrong signature must not keep the right one out.
"""


class Flood:
    """The counters of one gateway process."""

    def __init__(self, rejected_a_minute: int = REJECTED_A_MINUTE) -> None:
        self._rejected_a_minute = rejected_a_minute
        self._pacer = Pacer()

    def count(self, hook_id: uuid.UUID, limit: int) -> None:
        """A request that is to be acted on. Raises TooMany."""
        self._take(("hook", hook_id), limit, "requests to this hook")

    def count_rejected(self, hook_id: uuid.UUID) -> None:
        """A request that is turned away. Raises TooMany past what is worth recording."""
        self._take(("rejected", hook_id), self._rejected_a_minute, "wrong requests to this hook")

    def count_unknown(self, address: str | None) -> None:
        """A request to a hook that is not there. Raises TooMany."""
        self._take(("unknown", address), UNKNOWN_A_MINUTE, "requests to hooks that are not there")

    def _take(self, key: Hashable, limit: int, things: str) -> None:
        try:
            self._pacer.take([(key, limit)])
        except TooMany as error:
            message = f"Too many {things}; try again in {error.headers['Retry-After']} seconds."
            raise TooMany(message, code="hook_flooded", headers=error.headers) from None
