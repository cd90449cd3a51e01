"""The events of calendars between two times, repeating ones unfolded.

Run as a program it reads `{texts, start, end, limit}` and writes `{events}`, or `{problem}`, as JSON: a calendar that
is made to unfold for ever, or into more than there is room for, costs a killed process.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from math import prod
from typing import Any

MOST_MEMORY = 2**30

MOST_A_DAY = 96
"""Occurrences of one event: every quarter of an hour."""

_A_DAY = {"HOURLY": 24, "MINUTELY": 24 * 60, "SECONDLY": 24 * 3600}


class NoCalendar(Exception):
    """What is wrong with it."""


def events_of(texts: Sequence[str], start: datetime, end: datetime, limit: int) -> list[dict[str, str]]:
    """The first events by their start, or their occurrences; whole days have dates for times. Raises NoCalendar."""
    import icalendar
    import recurring_ical_events

    found: list[tuple[datetime, dict[str, str]]] = []
    for text in texts:
        try:
            calendar = icalendar.Calendar.from_ical(text)
            _check_pace(calendar)
            unfolded = recurring_ical_events.of(calendar).between(start, end)
            found += [(_moment(each["DTSTART"].dt), _event(each)) for each in unfolded]
        except (ValueError, KeyError, TypeError) as error:
            raise NoCalendar("That address answers no calendar.") from error
    return [event for _, event in sorted(found, key=lambda pair: pair[0])[:limit]]


def _check_pace(calendar: Any) -> None:
    """Refuses what would unfold into millions of occurrences."""
    for event in calendar.walk("VEVENT"):
        for rule in _rules(event):
            if _times_a_day(rule) > MOST_A_DAY:
                raise NoCalendar(f"An event repeats more than {MOST_A_DAY} times a day.")


def _times_a_day(rule: Any) -> int:
    """How often a rule (RFC 5545, 3.3.10) can hold on one day, at most."""
    paces = [_A_DAY.get(str(pace).upper(), 1) for pace in rule.get("FREQ", [])]
    return prod([max(paces, default=1), *(len(rule.get(part, [])) or 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))])


def _rules(event: Any) -> Iterator[Any]:
    rules = event.get("RRULE", [])
    yield from rules if isinstance(rules, list) else [rules]


def _event(event: Any) -> dict[str, str]:
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start
    text = {name.lower(): str(event.get(name, ""))[:4000] for name in ("UID", "SUMMARY", "LOCATION", "DESCRIPTION")}
    return {**text, "start": _written(start), "end": _written(end)}


def _moment(start: date) -> datetime:
    """When that is, to be compared: whole days, and times of no zone, as if in UTC."""
    moment = start if isinstance(start, datetime) else datetime(start.year, start.month, start.day)  # noqa: DTZ001
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _written(moment: date) -> str:
    return moment.isoformat()


def _bound_memory() -> None:
    if sys.platform == "linux":  # elsewhere the system has no such limit, or does not hold it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    _bound_memory()
    asked = json.load(sys.stdin)
    between = (datetime.fromisoformat(asked["start"]), datetime.fromisoformat(asked["end"]))
    try:
        answer: dict[str, Any] = {"events": events_of(asked["texts"], *between, asked["limit"])}
    except NoCalendar as problem:
        answer = {"problem": str(problem)}
    json.dump(answer, sys.stdout)
