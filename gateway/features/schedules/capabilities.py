"""That there are schedules, and how soon they may repeat."""

from collections.abc import Iterator

from gateway.core.capability import Capability, on
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

SHORTEST_S = 1


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Schedules are always there."""
    yield on(
        "schedules", shortest_interval_s=SHORTEST_S, triggers=["absence", "command", "event", "manual", "schedule"]
    )
