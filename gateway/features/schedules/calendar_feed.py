"""Planned times as a calendar (RFC 5545). Pure."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

SHOWN_S = 900
"""How long a run is shown to take: nobody knows before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One planned time of a schedule."""

    schedule_id: uuid.UUID
    name: str
    description: str
    planned_at: datetime


def rendered(entries: Iterable[Entry], at: datetime) -> bytes:
    """The calendar; an entry keeps its identity for as long as its time stands."""
    from icalendar import Calendar, Event  # loaded with the first calendar that is asked for: 3 MB

    calendar = Calendar()
    calendar.add("prodid", "-//User API Gateway//Schedules//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Schedules")
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry.schedule_id}-{entry.planned_at:%Y%m%dT%H%M%S}@gateway")
        event.add("dtstamp", at)
        event.add("dtstart", entry.planned_at)
        event.add("dtend", entry.planned_at + timedelta(seconds=SHOWN_S))
        event.add("summary", entry.name)
        event.add("description", entry.description)
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    data: bytes = calendar.to_ical()
    return data
