"""Preferences over HTTP: their routes, versions both ways, and tasks that are refused."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, assert_problem

WIDTH = "standards.markdown.line_length"


@pytest.fixture(autouse=True)
def clean(database: Database) -> Iterator[None]:
    """No preference outlives its test: it would count for the tasks of others."""
    yield
    database.run("DELETE FROM preference_entries")


def test_a_preference_from_first_write_to_last(live_gateway: LiveGateway) -> None:
    key = f"my.k-{uuid.uuid4().hex[:8]}"
    path = f"/v1/preferences/user/-/{key}"
    body = {"value": {"a": [1, None]}, "value_type": "object", "reason": "to begin with", "expected_version": 0}
    first = live_gateway.call("PUT", path, json=body)
    assert (first.status_code, first.headers["ETag"].partition("-")[0]) == (201, '"1'), first.text
    entry = first.json()
    assert (entry["key"], entry["scope_type"], entry["value"], entry["version"]) == (key, "user", {"a": [1, None]}, 1)
    assert entry["updated_by"] == "owner"
    again = live_gateway.call("PUT", path, json={"value": 2, "expected_version": 1})
    assert (again.status_code, again.json()["value_type"]) == (200, "number")
    assert again.headers["ETag"].startswith('"2-')
    listed = live_gateway.call("GET", f"/v1/preferences?scope_type=user&scope_id={entry['scope_id']}&key_prefix={key}")
    assert listed.json() == {"items": [again.json()], "next_cursor": None}
    assert live_gateway.call("DELETE", f"{path}?expected_version=2&reason=done").status_code == 204
    assert_problem(live_gateway.call("DELETE", path), 404)
    history = live_gateway.call("GET", f"/v1/preferences/history?scope_type=user&scope_id=-&key={key}&limit=2").json()
    assert [(item["version"], item["reason"]) for item in history["items"]] == [(1, "to begin with"), (2, None)]
    rest = live_gateway.call("GET", f"/v1/preferences/history?key={key}&cursor={history['next_cursor']}").json()
    assert [(item["version"], item["is_deleted"], item["actor"]) for item in rest["items"]] == [(3, True, "owner")]


def test_a_stale_version_is_409_in_the_body_and_412_in_if_match(live_gateway: LiveGateway) -> None:
    path = "/v1/preferences/system/-/my.versions"
    live_gateway.call("PUT", path, json={"value": 1})
    for query in ("PUT", "DELETE"):
        body: dict[str, Any] = {"json": {"value": 2}} if query == "PUT" else {}
        stale = live_gateway.call(query, path, headers={"If-Match": '"7"'}, **body)
        assert_problem(stale, 412, "stale_version")
    conflict = live_gateway.call("PUT", path, json={"value": 2, "expected_version": 7})
    assert_problem(conflict, 409, "version_conflict")
    assert "version 1 now" in conflict.json()["detail"]
    assert_problem(live_gateway.call("DELETE", f"{path}?expected_version=7"), 409, "version_conflict")
    assert live_gateway.call("PUT", path, json={"value": 2}, headers={"If-Match": '"1"'}).json()["version"] == 2
    assert live_gateway.call("DELETE", path, headers={"If-Match": '"2"'}).status_code == 204
    absent = live_gateway.call("PUT", path, json={"value": 3}, headers={"If-Match": '"2"'})
    assert_problem(absent, 412, "stale_version")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("user/-/my.key", {"value": 1, "value_type": "string"}, "value_type"),
        ("user/-/my.key", {"value": 1, "value_type": "integer"}, "value_type"),
        ("user/-/my.key", {}, "value"),
        ("user/-/my.key", {"value": "x" * 64_001}, "value"),
        ("user/-/my.key", {"value": 1, "expected_version": -1}, "expected_version"),
        ("user/-/my.key", {"value": 1, "colour": 1}, "colour"),
        ("user/-/My.Key", {"value": 1}, "key"),
        (f"user/-/{WIDTH}", {"value": 7}, "value"),
        ("planet/-/my.key", {"value": 1}, "scope_type"),
        ("task/-/my.key", {"value": 1}, "scope_id"),
        (f"system/{uuid.UUID(int=7)}/my.key", {"value": 1}, "scope_id"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_field(
    live_gateway: LiveGateway, path: str, body: dict[str, Any], field: str
) -> None:
    assert_problem(live_gateway.call("PUT", f"/v1/preferences/{path}", json=body), 422, field=field)


@pytest.mark.parametrize(
    "query", ["scope_type=planet", "scope_id=7", "scope_type=user&scope_id=x", "key=A", "colour=1"]
)
def test_odd_filters_are_refused(live_gateway: LiveGateway, query: str) -> None:
    assert live_gateway.call("GET", f"/v1/preferences/history?{query}").status_code == 422


def test_what_counts_is_told_with_its_source(live_gateway: LiveGateway, bob: Person, viewer: Person) -> None:
    for path, value in (("system/-", 100), ("user/-", None)):
        live_gateway.call("PUT", f"/v1/preferences/{path}/{WIDTH}", json={"value": value})
    mine = live_gateway.call("GET", "/v1/preferences/effective?key_prefix=standards.").json()
    assert [(item["scope_type"], item["key"]) for item in mine["masked"]] == [("user", WIDTH)]
    assert mine["items"] == mine["invalid"] == []
    task = live_gateway.submit(commands=["true"])
    path = f"/v1/preferences/task/{task['id']}/{WIDTH}"
    assert live_gateway.call("PUT", path, json={"value": 90}).status_code == 201
    found = live_gateway.call("GET", f"/v1/preferences/effective?task_id={task['id']}").json()
    assert (found["project_id"], found["user_id"]) == (task["project_id"], task["owner_id"])
    assert found["items"] == [
        {
            "scope_type": "task", "scope_id": task["id"], "scope_name": None, "key": WIDTH, "version": 1,
            "value": 90, "value_type": "number",
        }
    ]  # fmt: skip
    for person in (bob, viewer):
        theirs = person.call("GET", "/v1/preferences/effective").json()
        assert [(item["scope_type"], item["value"]) for item in theirs["items"]] == [("system", 100)]
        assert_problem(person.call("GET", f"/v1/preferences/effective?task_id={task['id']}"), 404)
        assert_problem(person.call("GET", f"/v1/preferences/effective?project_id={task['project_id']}"), 404)
        assert_problem(person.call("GET", f"/v1/preferences/effective?user_id={task['owner_id']}"), 404)
    both = f"/v1/preferences/effective?task_id={task['id']}&project_id={task['project_id']}"
    assert_problem(live_gateway.call("GET", both), 422)


def test_other_peoples_preferences_are_not_there(live_gateway: LiveGateway, bob: Person, viewer: Person) -> None:
    task = live_gateway.submit(commands=["true"])
    for scope, scope_id in (("task", task["id"]), ("project", task["project_id"]), ("user", task["owner_id"])):
        path = f"/v1/preferences/{scope}/{scope_id}/my.secret"
        assert live_gateway.call("PUT", path, json={"value": "mine"}).status_code == 201
        for person, status in ((bob, 404), (viewer, (403, 404))):
            for method, body in (("PUT", {"json": {"value": 1}}), ("DELETE", {})):
                answer = person.call(method, path, **body)
                assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
            for listing in ("/v1/preferences", "/v1/preferences/history"):
                found = person.call("GET", f"{listing}?scope_type={scope}&scope_id={scope_id}")
                assert found.json()["items"] == []
    for person in (bob, viewer):
        assert_problem(person.call("PUT", "/v1/preferences/system/-/my.key", json={"value": 1}), 403, "forbidden")
    assert bob.call("PUT", "/v1/preferences/user/-/my.key", json={"value": 1}).status_code == 201


def test_a_task_that_a_preference_forbids_is_refused_and_recorded(
    live_gateway: LiveGateway, bob: Person, database: Database
) -> None:
    live_gateway.call("PUT", "/v1/preferences/system/-/code.language.disallowed", json={"value": ["Ruby"]})
    bob.call("PUT", "/v1/preferences/user/-/code.language.disallowed", json={"value": []})
    answer = bob.call("POST", "/v1/tasks", json={"script": {"content": "puts 1", "interpreter": "ruby"}})
    assert_problem(answer, 403, "forbidden_by_preference", field="script.interpreter")
    assert "code.language.disallowed at system scope" in answer.json()["detail"]
    records = database.audit(answer.headers["X-Request-Id"])
    assert ("tasks.create", "deny") in [(record["action"], record["decision"]) for record in records]
    constraints = bob.call("GET", "/v1/preferences/effective").json()["constraints"]
    assert [(item["scope_type"], item["value"]) for item in constraints] == [("system", ["Ruby"]), ("user", [])]
    assert bob.call("POST", "/v1/tasks", json={"commands": ["true"]}).status_code == 201
