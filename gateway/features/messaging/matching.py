"""Whether an event is one that a subscription asks for."""

import json
from dataclasses import dataclass
from typing import Any

from gateway.core.events import Event
from gateway.features.events.catalogue import SEVERITIES, severity_of
from gateway.features.events.patterns import matches
from gateway.features.events.schemas import EventOut

LEFT_OUT = frozenset({"delivery.attempted"})
"""Events that no subscription gets: each message would make another."""

ABOUT_DELIVERY = ("destination.", "delivery.", "subscription.")
"""Events that do not go to the destination they are about."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription asks for."""

    pattern: str
    project_id: str | None
    task_id: str | None
    run_id: str | None
    tags: frozenset[str]
    least: int
    names: frozenset[str]
    once: bool

    @classmethod
    def of(cls, pattern: str, wanted: dict[str, Any] | None) -> "Wanted":
        """From what is stored."""
        wanted = wanted or {}
        return cls(
            pattern, wanted.get("project_id"), wanted.get("task_id"), wanted.get("run_id"),
            frozenset(wanted.get("tags", ())), SEVERITIES.index(wanted.get("min_severity", "info")),
            frozenset(wanted.get("names", ())), wanted.get("once", False),
        )  # fmt: skip

    def takes(self, event: Event) -> bool:
        """Whether the event matches, wherever it goes and whoever may see it."""
        return (
            event.name not in LEFT_OUT
            and matches(self.pattern, event.name)
            and (not self.names or event.name in self.names)
            and self.project_id in (None, str(event.project_id))
            and self.task_id in (None, str(event.task_id))
            and self.run_id in (None, str(event.run_id))
            and self.tags <= set(event.tags)
            and SEVERITIES.index(severity_of(event.name)) >= self.least
        )


def is_about(event: Event, destination_id: object) -> bool:
    """Whether an event tells of that very destination, to which it then does not go."""
    return event.name.startswith(ABOUT_DELIVERY) and event.data.get("destination_id") == str(destination_id)


def plain(event: Event) -> dict[str, Any]:
    """An event as the wire shows it, in JSON values."""
    return json.loads(EventOut.model_validate(event).model_dump_json())  # type: ignore[no-any-return]
