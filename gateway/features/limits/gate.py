"""Counts what each user and token does now: requests a minute, requests at once, open streams.

In memory, since one process is the gateway (decision 29). Nothing here waits, so greenlets take turns by themselves.
"""

import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from gateway.core.errors import TooMany

MINUTE_S = 60.0


@dataclass(slots=True)
class Bucket:
    """Requests that may still be made now, as it was at `at`; it fills up again evenly within a minute."""

    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: what the answer's `RateLimit-*` headers say."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """The three headers (draft-ietf-httpapi-ratelimit-headers-03)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class Pacer:
    """So many requests a minute for each key, also all at once; 0 is no limit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[Hashable, Bucket] = {}
        self._swept = clock()

    def take(self, wanted: Iterable[tuple[Hashable, int]]) -> Standing | None:
        """One request that counts for each (key, limit a minute); the tightest standing, None without any limit.

        Raises TooMany, and counts it for none of them.
        """
        now = self._clock()
        self._sweep(now)
        held = [(self._filled(key, limit, now), limit) for key, limit in wanted if limit]
        for bucket, limit in held:
            if bucket.left < 1:
                raise _too_fast(limit, math.ceil((1 - bucket.left) * MINUTE_S / limit))
        for bucket, _ in held:
            bucket.left -= 1
        if not held:
            return None
        bucket, limit = min(held, key=lambda pair: pair[0].left)
        return Standing(limit, int(bucket.left), math.ceil((limit - bucket.left) * MINUTE_S / limit))

    def _filled(self, key: Hashable, limit: int, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(limit, now)
        bucket.left = min(limit, bucket.left + (now - bucket.at) * limit / MINUTE_S)
        bucket.at = now
        return bucket

    def _sweep(self, now: float) -> None:
        """Forgets who made no request for a minute, since theirs is full again: memory stays flat."""
        if now - self._swept > MINUTE_S:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket.at < MINUTE_S}
            self._swept = now


class Slots:
    """So many at once for each key; 0 is no limit."""

    def __init__(self, things: str, code: str) -> None:
        self._things = things
        self._code = code
        self._held: Counter[Hashable] = Counter()

    def take(self, wanted: Iterable[tuple[Hashable, int]]) -> Callable[[], None]:
        """Takes a place under every (key, limit); returns what gives them back, once. Raises TooMany."""
        keys = []
        for key, limit in wanted:
            if limit and self._held[key] >= limit:
                raise TooMany(
                    f"You have {limit} {self._things} already; wait until one has ended.",
                    code=self._code,
                    headers={"Retry-After": "1", **Standing(limit, 0, 1).headers()},
                )
            keys.append(key)
        self._held.update(keys)
        return self._giver(keys)

    def held(self, key: Hashable) -> int:
        """How many places are taken under that key."""
        return self._held[key]

    def _giver(self, keys: list[Hashable]) -> Callable[[], None]:
        def give_back() -> None:
            while keys:
                key = keys.pop()
                self._held[key] -= 1
                if not self._held[key]:
                    del self._held[key]

        return give_back


def _too_fast(limit: int, wait_s: int) -> TooMany:
    return TooMany(
        f"More than {limit} requests a minute; try again in {wait_s} seconds.",
        code="rate_limited",
        headers={"Retry-After": str(wait_s), **Standing(limit, 0, wait_s).headers()},
    )


def user_key(user_id: uuid.UUID) -> Hashable:
    """What a user is counted under."""
    return ("user", user_id)


def token_key(token_id: uuid.UUID) -> Hashable:
    """What an API token is counted under."""
    return ("token", token_id)
