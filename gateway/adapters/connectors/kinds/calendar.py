"""Calendars: an ICS address, or a CalDAV collection (RFC 4791). Repeating events are unfolded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from pydantic import AwareDatetime, Field, SecretStr

from gateway.adapters.connectors import calendar_events
from gateway.adapters.connectors.base import (
    Answer,
    Arguments,
    Connector,
    ConnectorConfig,
    ConnectorSecret,
    Found,
    WebAddress,
    operation,
)
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.json_api import basic, check_status, request
from gateway.core.apart import apart

CALENDAR_BYTES = 8 * 2**20
LONGEST = timedelta(days=400)
READING_S = 20.0
"""How long unfolding events may take."""

_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
<C:time-range start="{start}" end="{end}"/>
</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"""


class CalendarConfig(ConnectorConfig):
    """Which calendar."""

    url: WebAddress = Field(title="Address of the calendar")
    protocol: Literal["ics", "caldav"] = Field("ics", title="Protocol")


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
    secret_goes_to = ("url",)
    needs_secret = False

    @operation("read", "List events")
    async def list_events(self, arguments: Between) -> CalendarEvents:
        """List the events between two times, repeating ones unfolded."""
        if not timedelta(0) < arguments.end - arguments.start <= LONGEST:
            raise ConnectorError("end has to lie up to 400 days after start.", code="invalid_arguments")
        texts = await self._texts(arguments.start, arguments.end)
        wish = {
            "texts": [text.decode("utf-8-sig", "replace") for text in texts],
            "start": arguments.start.isoformat(), "end": arguments.end.isoformat(), "limit": arguments.limit,
        }  # fmt: skip
        answer = await apart(Path(calendar_events.__file__), wish, seconds=READING_S) or {}
        if "events" not in answer:
            problem = answer.get("problem", "The calendar is built so that it cannot be read.")
            raise ConnectorError(problem, code="unexpected_answer")
        return CalendarEvents.model_validate(answer)

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


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
