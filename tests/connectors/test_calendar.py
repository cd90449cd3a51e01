"""CalDAV collections: each resource is read, repeating ones unfolded; what no calendar answers is refused."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.connectors.calendar_events import events_of
from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError
from gateway.adapters.connectors.kinds import calendar
from gateway.adapters.connectors.kinds.calendar import Calendar
from gateway.adapters.connectors.registry import create
from tests.connectors.peers import ICS, LOCAL, Peer, multistatus, peer
from tests.providers.scripted_server import Exchange, scripted_server

BETWEEN = {"start": datetime(2026, 5, 5, tzinfo=UTC).isoformat(), "end": datetime(2026, 5, 7, tzinfo=UTC).isoformat()}


def listed(config: dict[str, Any], secret: dict[str, Any] | None) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        calendar = create("calendar", config, json.dumps(secret) if secret else None)
        try:
            answer = await calendar.invoke(Calendar.operations["list_events"], BETWEEN)
        finally:
            await calendar.aclose()
        return list(answer["events"])

    return asyncio.run(ask())


def test_a_collection_gives_the_events_of_all_its_resources_by_their_start(tmp_path: Path) -> None:
    with peer("calendar", tmp_path) as there:
        events = listed(_as_caldav(there), there.secret)
        assert there.taken == ["REPORT"]
    assert [(each["summary"], each["start"], each["end"]) for each in events] == [
        ("Stand-up", "2026-05-05T09:00:00+00:00", "2026-05-05T09:15:00+00:00"),
        ("Fair & market <in town>", "2026-05-06", "2026-05-07"),
        ("Stand-up", "2026-05-06T09:00:00+00:00", "2026-05-06T09:15:00+00:00"),
    ]


def test_a_collection_refuses_a_wrong_password(tmp_path: Path) -> None:
    with peer("calendar", tmp_path) as there, pytest.raises(ConnectorError) as refused:
        listed(_as_caldav(there), {"username": "u", "password": "wrong"})
    assert refused.value.code == AUTHENTICATION_FAILED


def test_an_empty_collection_has_no_events() -> None:
    assert _answered(multistatus([])) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Welcome</html",
        b'<!DOCTYPE m [<!ENTITY a "aaaa">]><m>&a;</m>',
        multistatus(["BEGIN:NONSENSE"]),
        multistatus([ICS.replace("FREQ=DAILY;COUNT=5", "FREQ=SECONDLY")]),
        multistatus([ICS.replace("FREQ=DAILY;COUNT=5", "FREQ=HOURLY;BYMINUTE=0,12,24,36,48")]),
    ],
    ids=["no-xml", "entities", "no-calendar", "every-second", "every-twelve-minutes"],
)
def test_what_no_calendar_answers_is_refused(answer: bytes) -> None:
    with pytest.raises(ConnectorError) as refused:
        _answered(answer)
    assert refused.value.code == "unexpected_answer"


def test_a_calendar_that_unfolds_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hour since the year 1: found out in minutes."""
    monkeypatch.setattr(calendar, "READING_S", 0.5)
    lines = ("BEGIN:VEVENT", "UID:hourly", "DTSTART:00010101T000000Z", "RRULE:FREQ=HOURLY", "END:VEVENT")
    with pytest.raises(ConnectorError, match="cannot be read"):
        _answered(multistatus(["\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""])]))


def _answered(content: bytes) -> list[dict[str, Any]]:
    """What comes of a collection that answers that."""

    def serve(exchange: Exchange) -> None:
        exchange.begin(207, "application/xml")
        exchange.write(content)

    with scripted_server(serve) as server:
        return listed({**LOCAL, "url": server.url, "protocol": "caldav"}, None)


def _as_caldav(there: Peer) -> dict[str, Any]:
    return {**there.config, "protocol": "caldav"}


def test_events_of_several_zones_come_by_their_start() -> None:
    """What clocks show in their zones says nothing of the order."""
    starts = ("DTSTART;TZID=Asia/Tokyo:20260505T100000", "DTSTART:20260505T020000Z", "DTSTART:20260505T013000",
              "DTSTART;VALUE=DATE:20260505", "DTSTART;TZID=America/New_York:20260504T210000")  # fmt: skip
    lines = [f"BEGIN:VEVENT\r\nUID:{n}\r\nSUMMARY:{n}\r\n{start}\r\nEND:VEVENT" for n, start in enumerate(starts)]
    text = "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""])
    day = (datetime(2026, 5, 4, 12, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC))
    assert [each["summary"] for each in events_of([text], *day, 10)] == ["3", "0", "4", "2", "1"]
    assert [each["summary"] for each in events_of([text], *day, 2)] == ["3", "0"]
