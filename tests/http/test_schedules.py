"""Schedules over HTTP, with the gateway's own clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import assert_problem

SAY = {"kind": "commands", "commands": ["echo hello"]}


@pytest.fixture
def made(live_gateway: LiveGateway) -> Iterator[Any]:
    """Makes schedules, and deletes them afterwards."""
    paths: list[str] = []

    def make(**wish: Any) -> str:
        answer = live_gateway.call("POST", "/v1/schedules", json={"name": "s", "payload": SAY, **wish})
        assert answer.status_code == 201, answer.text
        paths.append(answer.headers["Location"])
        return paths[-1]

    yield make
    for path in paths:
        live_gateway.call("DELETE", path)


def history(gateway: LiveGateway, path: str) -> list[dict[str, Any]]:
    return gateway.call("GET", f"{path}/runs").json()["items"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("wish", "field", "said"),
    [
        (
            {"start_at": "2027-01-02T00:00:00Z", "end_at": "2027-01-01T00:00:00Z"},
            "end_at",
            "it must lie after start_at",
        ),
        ({"payload": {"kind": "prompt", "prompt": " "}}, "payload.prompt", "write what is to be done"),
    ],
)
def test_what_does_not_go_together_is_said_at_the_field_to_mend(
    live_gateway: LiveGateway, wish: dict[str, Any], field: str, said: str
) -> None:
    answer = live_gateway.call("POST", "/v1/schedules", json={"name": "s", "cron": "@daily", "payload": SAY, **wish})
    assert_problem(answer, 422, "invalid_fields")
    assert answer.json()["errors"] == [{"field": field, "message": said}]
    assert answer.json()["detail"] == f"{field}: {said}"


def test_the_clock_fires_what_is_due_and_hears_how_it_ended(live_gateway: LiveGateway, made: Any) -> None:
    at = datetime.now(UTC) + timedelta(seconds=3)
    once = made(at=at.isoformat())
    span = {"start_at": at.isoformat(), "end_at": (at + timedelta(seconds=1)).isoformat()}
    every = made(every_s=1, overlap="allow", **span)
    (run,) = wait_until(lambda: (items := history(live_gateway, once)) and items[0]["result"] and items, 40)
    assert (run["outcome"], run["cause"], run["result"]) == ("fired", "planned", "completed")
    late_s = (datetime.fromisoformat(run["fired_at"]) - at).total_seconds()
    assert 0 <= late_s < 2
    task = live_gateway.task(run["task_id"])
    assert (task["metadata"]["schedule_id"], task["name"].rstrip("-0123456789")) == (once.rpartition("/")[2], "s")
    runs = wait_until(lambda: len(items := history(live_gateway, every)) >= 2 and items, 30)
    planned = [datetime.fromisoformat(each["planned_at"]) for each in runs]
    assert planned[0] - planned[1] == timedelta(seconds=1)
    for each in runs:
        live_gateway.wait(each["task_id"])


def test_a_command_that_exits_as_wanted_has_a_schedule_run(live_gateway: LiveGateway, made: Any) -> None:
    trigger = {"kind": "command", "command": "test -d artifacts && exit 3", "when": "failure", "every_s": 600}
    path = made(trigger=trigger)
    (run,) = wait_until(lambda: (items := history(live_gateway, path)) and items[0]["result"] and items, 40)
    assert (run["outcome"], run["cause"], run["result"]) == ("fired", "exit:3", "completed")
    probe = live_gateway.call("GET", path).json()["probe"]
    assert (probe["exit_code"], probe["problem"]) == (3, None)
    slow = made(trigger={**trigger, "command": "sleep 30", "timeout_s": 1})
    (run,) = wait_until(lambda: (items := history(live_gateway, slow)) and items[0]["result"] and items, 40)
    assert run["cause"] == "exit:124", "it ran out of time"


def test_a_schedule_from_making_to_deletion(live_gateway: LiveGateway, made: Any) -> None:
    path = made(cron="0 9 * * 1-5", time_zone="Europe/Berlin")
    shown = live_gateway.call("GET", path)
    assert shown.json()["description"] == "At 09:00, Monday through Friday"
    etag = {"If-Match": shown.headers["ETag"]}
    assert live_gateway.call("PATCH", path, json={"cron": "@daily"}, headers=etag).json()["description"] == "At 00:00"
    assert_problem(live_gateway.call("PATCH", path, json={"cron": "@hourly"}, headers=etag), 412, "stale_version")
    assert live_gateway.call("POST", f"{path}/disable").json()["next_planned_at"] is None
    assert_problem(live_gateway.call("POST", f"{path}/skip_next"), 409, "nothing_planned")
    assert live_gateway.call("POST", f"{path}/enable").json()["enabled"] is True
    assert live_gateway.call("POST", f"{path}/skip_next").json()["skips_next"] is True
    items = live_gateway.call("GET", f"{path}/upcoming?count=3").json()["items"]
    assert [each["skipped"] for each in items] == [True, False, False]
    before = live_gateway.call("GET", f"{path}/upcoming", params={"count": 3, "before": items[2]["utc"]})
    assert before.json()["items"] == items[:2]
    run = live_gateway.call("POST", f"{path}/run").json()
    assert (run["outcome"], run["cause"]) == ("fired", "user:owner")
    live_gateway.wait(run["task_id"])
    wait_until(lambda: history(live_gateway, path)[0]["result"] == "completed", 20)
    listed = live_gateway.call("GET", "/v1/schedules?q=s&enabled=true").json()["items"]
    assert listed[0]["recent"][0]["task_id"] == run["task_id"]
    assert live_gateway.call("DELETE", path).status_code == 204
    assert_problem(live_gateway.call("GET", path), 404, "not_found")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"cron": "* * *"}, "cron"),
        ({"every_s": 0.2}, "every_s"),
        ({"at": "2001-01-01T00:00:00Z"}, "at"),
        ({"at": "2030-02-30T00:00:00Z"}, "at"),
        ({"cron": "@daily", "time_zone": "Nowhere/Land"}, "time_zone"),
        ({"cron": "@daily", "start_at": "2030-01-02T00:00:00Z", "end_at": "2030-01-01T00:00:00Z"}, None),
        ({"cron": "@daily", "payload": {"kind": "script", "commands": ["x"]}}, "payload"),
    ],
)
def test_what_cannot_be_is_a_422_that_says_so(
    live_gateway: LiveGateway, wish: dict[str, Any], field: str | None
) -> None:
    answer = live_gateway.call("POST", "/v1/schedules", json={"name": "s", "payload": SAY, **wish})
    assert_problem(answer, 422, field=field)


def test_the_queue_tells_of_schedules(live_gateway: LiveGateway, made: Any) -> None:
    made(cron="@yearly", enabled=False)
    found = live_gateway.call("GET", "/v1/queue").json()
    assert found["schedules"]["disabled"] >= 1
    assert {"by_state", "by_queue", "by_node"} == found["depth"].keys()
    assert all({"name", "waiting", "running", "lost"} == each.keys() for each in found["background"])
    assert live_gateway.call("GET", "/v1/schedules.ics").headers["Content-Type"].startswith("text/calendar")
