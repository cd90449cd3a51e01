"""So many a minute and no more: for what may be tried, or written down, by anyone."""

import math
import time
from collections.abc import Callable, Hashable


class Pace:
    """Lets `limit` different things through for each key and minute.

    The same thing again counts once. When the minute is over everything is forgotten, so memory stays flat.
    """

    def __init__(self, limit: int, per_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._per_s = per_s
        self._clock = clock
        self._began = clock()
        self._seen: dict[Hashable, set[Hashable]] = {}

    def wait_s(self, key: Hashable, thing: Hashable) -> int:
        """Seconds until `thing` may be tried again; 0 when it may be now."""
        left = self._began + self._per_s - self._clock()
        if left <= 0:
            self._seen.clear()
            self._began, left = self._clock(), self._per_s
        seen = self._seen.setdefault(key, set())
        if thing not in seen and len(seen) >= self.limit:
            return math.ceil(left)
        seen.add(thing)
        return 0
