"""Calendars: an ICS address, or a CalDAV collection (RFC 4791). Repeating events are unfolded."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import prod
from typing import Any
from xml.etree import ElementTree as ET

from pydantic import AwareDatetime, Field, SecretStr

from gateway.adapters.connectors.base import (
    Answer,
    Arguments,
    Connector,
    ConnectorConfig,
    ConnectorSecret,
    Found,
    operation,
)
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.json_api import basic, check_status, request

CALENDAR_BYTES = 8 * 2**20
LONGEST = timedelta(days=400)
MOST_A_DAY = 96
"""Occurrences of one event: every quarter of an hour."""

_A_DAY = {"HOURLY": 24, "MINUTELY": 24 * 60, "SECONDLY": 24 * 3600}
_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
<C:time-range start="{start}" end="{end}"/>
</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"""


class CalendarConfig(ConnectorConfig):
    """Which calendar."""

    url: str = Field(title="Address of the calendar", min_length=1, max_length=2000)
    protocol: str = Field("ics", title="Protocol", pattern="^(ics|caldav)$", description="ics or caldav")


class CalendarSecret(ConnectorSecret):
    """Name and password, for a calendar that asks for them."""

    username: str = Field(title="User name", min_length=1, max_length=300)
    password: SecretStr = Field(title="Password", min_length=1, max_length=4000)


class Between(Arguments):
    """From when to when."""

    start: AwareDatetime = Field(title="From")
    end: AwareDatetime = Field(title="Until")
    limit: int = Field(100, title="At most", ge=1, le=500)


class CalendarEvent(Answer):
    """An event, or one occurrence of a repeating one. Whole days have dates for times."""

    uid: str
    summary: str
    start: str
    end: str
    location: str
    description: str


class CalendarEvents(Answer):
    """Events by their start."""

    events: list[CalendarEvent]


class Calendar(Connector[CalendarConfig]):
    """A calendar that is read."""

    kind, title = "calendar", "Calendar (ICS, CalDAV)"
    summary = "Read the events of a calendar."
    Config, Secret = CalendarConfig, CalendarSecret
    needs_secret = False

    @operation("read", "List events")
    async def list_events(self, arguments: Between) -> CalendarEvents:
        """List the events between two times, repeating ones unfolded."""
        if not timedelta(0) < arguments.end - arguments.start <= LONGEST:
            raise ConnectorError("end has to lie up to 400 days after start.", code="invalid_arguments")
        texts = await self._texts(arguments.start, arguments.end)
        return CalendarEvents(events=await asyncio.to_thread(_events, texts, arguments))

    async def test(self) -> Found:
        """Reads the next month."""
        now = datetime.now(UTC)
        found = await self.list_events(Between(start=now, end=now + timedelta(days=30), limit=500))
        return Found(f"The next 30 days have {len(found.events)} events.")

    async def _texts(self, start: datetime, end: datetime) -> list[bytes]:
        secret = self.secret
        headers = {"Authorization": basic(secret.username, secret.password.get_secret_value())} if secret else {}
        method, content = "GET", None
        if self.config.protocol == "caldav":
            method, headers = "REPORT", {**headers, "Depth": "1", "Content-Type": "application/xml"}
            content = _QUERY.format(start=_utc(start), end=_utc(end)).encode()
        answer = await request(
            self.egress, method, self.config.url, headers=headers, content=content, most=CALENDAR_BYTES
        )
        check_status(answer)
        if answer.cut:
            raise ConnectorError("The calendar is larger than 8 MiB.", code="answer_too_large")
        return _of_multistatus(answer.content) if self.config.protocol == "caldav" else [answer.content]


def _of_multistatus(content: bytes) -> list[bytes]:
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ConnectorError(
            "The server answered with declarations, which no calendar needs.", code="unexpected_answer"
        )
    try:
        root = ET.fromstring(content)  # noqa: S314 - no declarations, hence no entities to expand
    except ET.ParseError as error:
        raise ConnectorError("The server answered no CalDAV.", code="unexpected_answer") from error
    return [(element.text or "").encode() for element in root.iter(_DATA)]


def _events(texts: list[bytes], wish: Between) -> list[CalendarEvent]:
    import icalendar  # only a node that reads a calendar pays for these
    import recurring_ical_events

    found = []
    for text in texts:
        try:
            calendar = icalendar.Calendar.from_ical(text)
            _check_pace(calendar)
            found += [_event(each) for each in recurring_ical_events.of(calendar).between(wish.start, wish.end)]
        except (ValueError, KeyError, TypeError) as error:
            raise ConnectorError("That address answers no calendar.", code="unexpected_answer") from error
    return sorted(found, key=lambda event: event.start)[: wish.limit]


def _check_pace(calendar: Any) -> None:
    """Refuses what would unfold into millions of occurrences."""
    for event in calendar.walk("VEVENT"):
        for rule in _rules(event):
            if _times_a_day(rule) > MOST_A_DAY:
                raise ConnectorError(f"An event repeats more than {MOST_A_DAY} times a day.", code="unexpected_answer")


def _times_a_day(rule: Any) -> int:
    """How often a rule (RFC 5545, 3.3.10) can hold on one day, at most."""
    paces = [_A_DAY.get(str(pace).upper(), 1) for pace in rule.get("FREQ", [])]
    return prod([max(paces, default=1), *(len(rule.get(part, [])) or 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))])


def _rules(event: Any) -> Iterator[Any]:
    rules = event.get("RRULE", [])
    yield from rules if isinstance(rules, list) else [rules]


def _event(event: Any) -> CalendarEvent:
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start
    text = {name: str(event.get(name, ""))[:4000] for name in ("UID", "SUMMARY", "LOCATION", "DESCRIPTION")}
    return CalendarEvent(
        uid=text["UID"], summary=text["SUMMARY"], start=_written(start), end=_written(end), location=text["LOCATION"],
        description=text["DESCRIPTION"],
    )  # fmt: skip


def _written(moment: date) -> str:
    return moment.isoformat()


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
