"""So many a minute and no more: for what may be tried, or written down, by anyone."""

import math
import time
from collections.abc import Callable, Hashable


class Pace:
    """Lets `limit` different things through for each key in any `per_s` seconds, wherever these begin.

    The same thing again counts once. What is older is forgotten, so memory stays flat.
    """

    def __init__(self, limit: int, per_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._per_s = per_s
        self._clock = clock
        self._swept = clock()
        self._seen: dict[Hashable, dict[Hashable, float]] = {}  # when each thing was let through, oldest first

    def wait_s(self, key: Hashable, thing: Hashable) -> int:
        """Seconds until `thing` may be tried again; 0 when it may be now."""
        now = self._clock()
        if now - self._swept >= self._per_s:
            self._sweep(now)
        seen = self._seen.setdefault(key, {})
        self._forget(seen, now)
        if thing in seen:
            return 0
        if len(seen) >= self.limit:
            return math.ceil(next(iter(seen.values())) + self._per_s - now)
        seen[thing] = now
        return 0

    def _forget(self, seen: dict[Hashable, float], now: float) -> None:
        for thing in [thing for thing, since in seen.items() if now - since >= self._per_s]:
            del seen[thing]

    def _sweep(self, now: float) -> None:
        self._swept = now
        for key, seen in list(self._seen.items()):
            self._forget(seen, now)
            if not seen:
                del self._seen[key]
