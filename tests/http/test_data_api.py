"""What scripts need beside single requests: any list as a file, and many things of any list changed together."""

import csv
import io
import json
import uuid

import httpx
import pytest

from tests.conftest import LiveGateway
from tests.http.callers import Person, assert_problem


@pytest.fixture(scope="module")
def tagged(live_gateway: LiveGateway) -> tuple[str, list[str]]:
    """A tag, and the ids of the owner's tasks that have it, newest first."""
    tag = f"t{uuid.uuid4().hex[:10]}"
    ids = [live_gateway.submit(commands=[f"=1+{n} || true"], tags=[tag])["id"] for n in range(5)]
    for task_id in ids:
        live_gateway.wait(task_id)
    return tag, ids[::-1]


def test_a_list_comes_whole_as_json_lines(live_gateway: LiveGateway, tagged: tuple[str, list[str]]) -> None:
    answer = live_gateway.call("GET", f"/v1/export/tasks?tag={tagged[0]}")
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == tagged[1]


def test_a_list_longer_than_a_page_comes_whole(live_gateway: LiveGateway) -> None:
    for _ in range(210):
        live_gateway.call("GET", "/v1/queue")
    everything = live_gateway.call("GET", "/v1/export/audit?fields=id").text.splitlines()
    assert len(everything) > 200
    assert len(set(everything)) == len(everything)


def test_csv_has_the_chosen_fields_and_no_formulas(live_gateway: LiveGateway, tagged: tuple[str, list[str]]) -> None:
    text = live_gateway.call("GET", f"/v1/export/tasks?tag={tagged[0]}&format=csv&fields=tags,summary,id,error").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["tags", "summary", "id", "error"]
    assert [row["id"] for row in rows] == tagged[1]
    assert {row["tags"] for row in rows} == {tagged[0]}
    assert {row["summary"][:4] for row in rows} == {"'=1+"}


def test_a_list_within_something_comes_too(live_gateway: LiveGateway, tagged: tuple[str, list[str]]) -> None:
    path = f"/v1/export/tasks/{tagged[1][0]}/history?fields=after"
    assert [json.loads(line)["after"] for line in live_gateway.call("GET", path).text.splitlines()] == [
        "queued", "running", "completed",
    ]  # fmt: skip


def test_what_is_no_list_or_not_the_callers_is_refused(
    live_gateway: LiveGateway, bob: Person, tagged: tuple[str, list[str]]
) -> None:
    for path in ("nothing", "artifacts/x/content", "users/me", f"tasks/{tagged[1][0]}"):
        assert_problem(live_gateway.call("GET", f"/v1/export/{path}"), 404)
    assert_problem(live_gateway.call("GET", "/v1/export/tasks?stats=queued"), 422)
    assert_problem(live_gateway.call("GET", "/v1/export/tasks?fields=a;b"), 422, field="fields")
    assert_problem(bob.call("GET", "/v1/export/nodes"), 403)
    assert_problem(bob.call("GET", f"/v1/export/tasks/{tagged[1][0]}/history"), 404)
    assert bob.call("GET", f"/v1/export/tasks?tag={tagged[0]}").text == ""


def test_many_tasks_are_changed_together_and_the_others_told_of(
    live_gateway: LiveGateway, bob: Person, tagged: tuple[str, list[str]]
) -> None:
    waiting = live_gateway.submit(commands=["true"], requires={"labels": {"zone": "nowhere"}})["id"]
    done, missing = tagged[1][0], str(uuid.uuid4())
    answer = live_gateway.call("POST", "/v1/bulk/tasks", json={"action": "cancel", "ids": [waiting, done, missing]})
    assert [(item["ok"], item["code"]) for item in answer.json()["items"]] == [
        (True, None), (False, "task_finished"), (False, "not_found"),
    ]  # fmt: skip
    assert live_gateway.task(waiting)["status"] == "canceled"
    refused = bob.call("POST", "/v1/bulk/tasks", json={"action": "delete", "ids": [waiting]}).json()
    assert (refused["done"], refused["items"][0]["code"]) == (0, "not_found")
    assert live_gateway.call("POST", "/v1/bulk/tasks", json={"action": "delete", "ids": [waiting]}).json()["done"] == 1
    assert_problem(live_gateway.call("GET", f"/v1/tasks/{waiting}"), 404)
    assert_problem(live_gateway.call("POST", "/v1/bulk/tasks", json={"action": "cancel", "ids": []}), 422)


def test_many_things_of_any_list_are_changed_as_by_themselves(live_gateway: LiveGateway, bob: Person) -> None:
    wish = {"every_s": 86400, "payload": {"kind": "commands", "commands": ["true"]}}
    ids = [live_gateway.call("POST", "/v1/schedules", json={"name": f"many-{n}", **wish}).json()["id"] for n in "ab"]

    def bulk(name: str, action: str, **options: object) -> httpx.Response:
        return live_gateway.call("POST", f"/v1/bulk/{name}", json={"action": action, "ids": [*ids, ids[0]]}, **options)

    assert bulk("schedules", "disable").json() == {
        "done": 2, "items": [{"id": each, "ok": True, "code": None, "detail": None} for each in ids],
    }  # fmt: skip
    assert not any(live_gateway.call("GET", f"/v1/schedules/{each}").json()["enabled"] for each in ids)
    narrow = live_gateway.call("POST", "/v1/tokens", json={"name": "narrow", "scopes": ["schedules.read"]}).json()
    refused = bulk("schedules", "delete", headers={"Authorization": f"Bearer {narrow['token']}"}).json()
    assert [item["code"] for item in refused["items"]] == ["forbidden", "forbidden"]
    unknown = bulk("schedules", "cancel")
    assert_problem(unknown, 422, field="action")
    assert "delete, disable, enable, run, skip_next, unskip" in unknown.text
    assert_problem(bulk("audit", "delete"), 422, field="action")
    for name in ("nothing", f"schedules/{ids[0]}", "users/me"):
        assert_problem(bulk(name, "delete"), 404)
    assert bulk("schedules", "delete").json()["done"] == 2
    left = live_gateway.call("POST", "/v1/bulk/tokens", json={"action": "delete", "ids": [narrow["id"]]})
    assert left.json()["done"] == 1
