"""The clock of a gateway's process wakes when something is due, however soon after the look before."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import gevent

from gateway.core.clock import now
from gateway.features.schedules.clock import Clock


class Ticker:
    """Has something due again and again, right after each look."""

    patterns = ()

    def __init__(self) -> None:
        self.looks: list[datetime] = []

    def begin(self) -> None:
        """Nothing was left undone."""

    def tick(self) -> datetime:
        """One look."""
        self.looks.append(now())
        gevent.sleep(0.01)
        return now() + timedelta(milliseconds=(len(self.looks) % 3) * 10)


class Silence:
    """A log in which nothing happens."""

    def serve(self, subscriber: Any, since: int | None) -> Iterator[None]:
        """Waits for ever."""
        gevent.sleep(60)
        yield None


def test_what_is_due_right_after_a_look_does_not_wait_for_the_next_half_minute() -> None:
    clock, ticker = Clock(lambda: None, Silence()), Ticker()  # type: ignore[arg-type,return-value]
    clock._ticker = ticker  # type: ignore[assignment]
    clock.start()
    gevent.sleep(1.5)
    clock.stop()
    assert len(ticker.looks) > 15
