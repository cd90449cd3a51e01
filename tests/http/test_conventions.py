"""Pages, versions and idempotency keys: what every resource has in common."""

import base64
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Database, Person, assert_problem


def all_pages(person: Person, path: str, limit: int) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        page = person.call("GET", path, params=query).json()
        assert set(page) == {"items", "next_cursor"}
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


@pytest.fixture(scope="module")
def tokens(bob: Person) -> list[str]:
    """Twelve tokens, oldest first."""
    return [bob.call("POST", "/v1/tokens", json={"name": f"page-{number}"}).json()["id"] for number in range(12)]


@pytest.mark.parametrize("limit", [1, 5, 12, 200])
def test_pages_hold_everything_once_newest_first(bob: Person, tokens: list[str], limit: int) -> None:
    seen = [item["id"] for item in all_pages(bob, "/v1/tokens", limit)]
    assert seen[:12] == tokens[::-1]
    assert len(seen) == len(set(seen))


def test_pages_stay_put_while_something_is_added(bob: Person, tokens: list[str]) -> None:
    first = bob.call("GET", "/v1/tokens?limit=5").json()
    bob.call("POST", "/v1/tokens", json={"name": "in between"})
    second = bob.call("GET", "/v1/tokens", params={"limit": 5, "cursor": first["next_cursor"]}).json()
    seen = [item["id"] for item in first["items"] + second["items"]]
    before = [item["id"] for item in all_pages(bob, "/v1/tokens", 200)][1:]
    assert seen == before[:10]


def test_the_limit_has_a_default_and_bounds(bob: Person) -> None:
    for limit, status in ((1, 200), (200, 200), (0, 422), (201, 422)):
        assert bob.call("GET", f"/v1/tokens?limit={limit}").status_code == status


def test_a_cursor_of_nowhere_or_of_another_list_is_refused(bob: Person, tokens: list[str]) -> None:
    own = bob.call("GET", "/v1/tokens?limit=1").json()["next_cursor"]
    for path in ("/v1/tasks", "/v1/runs", "/v1/artifacts", "/v1/events", "/v1/projects"):
        assert_problem(bob.call("GET", path, params={"cursor": own}), 422, field="cursor")
    made_up = [
        base64.urlsafe_b64encode(text.encode()).decode() for text in ("5", str(uuid.uuid4()), "api_tokens:", "x:1")
    ]
    for cursor in [*made_up, own[:-3], own + "A", "%", "null", "ü"]:
        assert_problem(bob.call("GET", "/v1/tokens", params={"cursor": cursor}), 422, field="cursor")


def test_an_empty_cursor_stands_for_the_first_page(bob: Person, tokens: list[str]) -> None:
    assert bob.call("GET", "/v1/tokens?limit=5&cursor=").json() == bob.call("GET", "/v1/tokens?limit=5").json()


def test_events_are_paged_oldest_first(live_gateway: LiveGateway) -> None:
    live_gateway.submit(commands=["true"])
    live_gateway.submit(commands=["true"])
    first = live_gateway.call("GET", "/v1/events?limit=1").json()
    second = live_gateway.call("GET", f"/v1/events?limit=3&cursor={first['next_cursor']}").json()
    numbers = [event["seq"] for event in first["items"] + second["items"]]
    assert numbers == sorted(numbers)
    assert live_gateway.call("GET", f"/v1/events?since={numbers[0]}&limit=1").json()["items"][0]["seq"] == numbers[1]


@pytest.fixture
def waiting_task(live_gateway: LiveGateway) -> Iterator[dict[str, Any]]:
    """A task that stays changeable until the test is over."""
    blocker = live_gateway.submit(commands=["sleep 60"])
    yield live_gateway.submit(commands=["true"], depends_on=[blocker["id"]])
    live_gateway.call("POST", f"/v1/tasks/{blocker['id']}/cancel")


@pytest.mark.parametrize("kind", ["task", "account"])
def test_a_lost_update_is_refused(live_gateway: LiveGateway, waiting_task: dict[str, Any], kind: str) -> None:
    path = "/v1/users/me" if kind == "account" else f"/v1/tasks/{waiting_task['id']}"
    field = "display_name" if kind == "account" else "name"
    read = live_gateway.call("GET", path)
    etag = read.headers["ETag"]
    assert etag.startswith(f'"{read.json()["version"]}-')
    unchanged = live_gateway.call("GET", path, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    first = live_gateway.call("PATCH", path, json={field: f"first-{uuid.uuid4().hex}"}, headers={"If-Match": etag})
    assert first.status_code == 200
    assert first.headers["ETag"] != etag
    for stale in (etag, f"W/{first.headers['ETag']}", '"x"', f'{etag}, "y"'):
        lost = live_gateway.call("PATCH", path, json={field: "second"}, headers={"If-Match": stale})
        assert_problem(lost, 412, "stale_version")
    assert live_gateway.call("GET", path).json() == first.json()
    version = f'"{first.json()["version"]}"'
    for good in ("*", version, first.headers["ETag"], f'"x", {first.headers["ETag"]}'):
        answer = live_gateway.call("PATCH", path, json={}, headers={"If-Match": good})
        assert answer.status_code == 200, (good, answer.text)
    assert live_gateway.call("GET", path, headers={"If-None-Match": etag}).status_code == 200


def test_a_run_whose_task_was_renamed_is_not_answered_as_unchanged(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["sleep 60"])
    [found] = live_gateway.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"]
    path = f"/v1/runs/{found['id']}"
    wait_until(lambda: live_gateway.call("GET", path).json()["status"] == "running", 60)
    seen = live_gateway.call("GET", path)
    unchanged = {"If-None-Match": seen.headers["ETag"]}
    assert live_gateway.call("GET", path, headers=unchanged).status_code == 304
    patch = {"name": f"renamed-{uuid.uuid4().hex}"}
    name = live_gateway.call("PATCH", f"/v1/tasks/{task['id']}", json=patch).json()["name"]
    read = live_gateway.call("GET", path, headers=unchanged)
    live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
    assert (read.status_code, read.json()["task_name"]) == (200, name)


def test_a_patch_is_a_json_merge_patch(live_gateway: LiveGateway, waiting_task: dict[str, Any]) -> None:
    path = f"/v1/tasks/{waiting_task['id']}"
    body = json.dumps({"tags": ["one"]})
    for kind in ("application/merge-patch+json", "application/json"):
        answer = live_gateway.call("PATCH", path, content=body, headers={"Content-Type": kind})
        assert answer.json()["tags"] == ["one"]
    assert_problem(live_gateway.call("PATCH", path, content=body, headers={"Content-Type": "text/plain"}), 415)


def test_two_changes_at_once_both_succeed_or_one_is_told(live_gateway: LiveGateway) -> None:
    def change(number: int) -> int:
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {live_gateway.token}"}
            body = {"display_name": f"Owner {number}"}
            return client.patch(live_gateway.url + "/v1/users/me", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(change, range(16))) <= {200, 409}


def test_creating_answers_201_with_a_location_that_works(live_gateway: LiveGateway) -> None:
    task = live_gateway.call("POST", "/v1/tasks", json={"commands": ["true"]})
    artifact = live_gateway.call("POST", "/v1/artifacts?filename=a.txt", content=b"x")
    for made in (task, artifact):
        assert made.status_code == 201
        assert live_gateway.call("GET", made.headers["Location"]).json()["id"] == made.json()["id"]


def test_the_same_key_and_body_give_the_first_answer_again(live_gateway: LiveGateway, database: Database) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"commands": ["true"], "name": f"once-{uuid.uuid4().hex}"}
    first = live_gateway.call("POST", "/v1/tasks", json=body, headers=headers)
    again = live_gateway.call("POST", "/v1/tasks", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert len(database.rows("SELECT id FROM tasks WHERE name = :name", name=body["name"])) == 1
    [record] = database.audit(again.headers["X-Request-Id"])
    assert (record["decision"], record["action"]) == ("allow", "tasks.create")
    for other in ({**body, "name": "other"}, {"commands": ["true"]}):
        answer = live_gateway.call("POST", "/v1/tasks", json=other, headers=headers)
        assert_problem(answer, 422, "idempotency_key_reused", field="Idempotency-Key")
    assert_problem(live_gateway.call("POST", "/v1/tokens", json={"name": "x"}, headers=headers), 422)


def test_twenty_at_once_with_one_key_make_one_task(live_gateway: LiveGateway, database: Database) -> None:
    name = f"many-{uuid.uuid4().hex}"
    headers = {"Idempotency-Key": name, "Authorization": f"Bearer {live_gateway.token}"}

    def create(_: int) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=30) as client:
            body = {"commands": ["true"], "name": name}
            return client.post(live_gateway.url + "/v1/tasks", json=body, headers=headers)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(create, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(database.rows("SELECT id FROM tasks WHERE name LIKE :name", name=f"{name[:60]}%")) == 1


def test_a_request_that_failed_leaves_its_key_free(live_gateway: LiveGateway) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    bad = live_gateway.call(
        "POST", "/v1/tasks", json={"commands": ["true"], "depends_on": [str(uuid.uuid4())]}, headers=headers
    )
    assert_problem(bad, 422, field="depends_on")
    good = live_gateway.call("POST", "/v1/tasks", json={"commands": ["true"]}, headers=headers)
    assert good.status_code == 201
    assert "Idempotency-Replayed" not in good.headers


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x7fb"])
def test_a_malformed_key_is_refused(live_gateway: LiveGateway, key: str) -> None:
    answer = live_gateway.call("POST", "/v1/tokens", json={"name": "x"}, headers={"Idempotency-Key": key.encode()})
    assert_problem(answer, 422, field="Idempotency-Key")


@pytest.mark.parametrize("kind", ["raw", "raw json", "raw chunked", "multipart"])
def test_uploads_are_kept_whole_and_replayed_too(live_gateway: LiveGateway, kind: str) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}

    def send(content: bytes) -> httpx.Response:
        if kind == "multipart":
            return live_gateway.call("POST", "/v1/artifacts", files={"file": ("f.json", content)}, headers=headers)
        body: Any = iter([content[:10], content[10:]]) if kind == "raw chunked" else content
        given = {**headers, "Content-Type": "application/json" if kind == "raw json" else "application/x-thing"}
        return live_gateway.call("POST", "/v1/artifacts?filename=f.json", content=body, headers=given)

    content = json.dumps({"some": "content" * 1000}).encode()
    first, again, other = send(content), send(content), send(content + b" ")
    assert first.status_code == 201, first.text
    assert (first.json()["size"], again.json()) == (len(content), first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(other, 422, "idempotency_key_reused")
    stored = live_gateway.call("GET", f"/v1/artifacts/{first.json()['id']}/content")
    assert stored.content == content


def test_keys_belong_to_their_user_and_to_what_their_token_may_do(live_gateway: LiveGateway, bob: Person) -> None:
    key = {"Idempotency-Key": f"shared-{uuid.uuid4()}"}
    body = {"name": "secret-once"}
    secret = live_gateway.call("POST", "/v1/tokens", json=body, headers=key).json()
    assert live_gateway.call("POST", "/v1/tokens", json=body, headers=key).json() == secret
    others = bob.call("POST", "/v1/tokens", json=body, headers=key)
    assert others.status_code == 201
    assert "Idempotency-Replayed" not in others.headers
    narrow = live_gateway.call("POST", "/v1/tokens", json={"name": "n", "scopes": ["tasks.read"]}).json()["token"]
    answer = live_gateway.call("POST", "/v1/tokens", json=body, headers={**key, "Authorization": f"Bearer {narrow}"})
    assert_problem(answer, 422, "idempotency_key_reused")
    assert secret["token"] not in answer.text


def test_a_replayed_secret_lies_encrypted_in_the_database(live_gateway: LiveGateway, database: Database) -> None:
    key = f"sealed-{uuid.uuid4()}"
    secret = live_gateway.call("POST", "/v1/tokens", json={"name": "s"}, headers={"Idempotency-Key": key}).json()
    [row] = database.rows("SELECT * FROM idempotency_keys WHERE key = :key", key=key)
    assert secret["token"].encode() not in bytes(row["body"])
    assert secret["id"].encode() not in bytes(row["body"])


def test_a_caller_without_identity_has_no_keys(stranger: httpx.Client, bob: Person, database: Database) -> None:
    """A login is never replayed: its answer would serve whoever knows the key."""
    headers = {"Idempotency-Key": f"anonymous-{uuid.uuid4()}"}
    body = {"handle": bob.handle, "password": bob.password}
    first, second = (stranger.post("/v1/auth/login", json=body, headers=headers).json() for _ in range(2))
    assert first["access_token"] != second["access_token"]
    assert database.rows("SELECT 1 FROM idempotency_keys WHERE key = :key", key=headers["Idempotency-Key"]) == []


def test_ids_and_times_are_written_as_the_contract_says(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["true"])
    assert uuid.UUID(task["id"]).version == 7
    for name in ("created_at", "updated_at"):
        assert task[name].endswith("Z")
        assert "T" in task[name]


def test_times_sent_with_an_offset_are_answered_in_utc(live_gateway: LiveGateway) -> None:
    body = {
        "name": "later", "at": "2040-01-01T01:00:00+02:00", "end_at": "2041-01-01T00:00:00.5-01:00",
        "payload": {"kind": "commands", "commands": ["true"]},
    }  # fmt: skip
    made = live_gateway.call("POST", "/v1/schedules", json=body).json()
    live_gateway.call("DELETE", f"/v1/schedules/{made['id']}")
    assert (made["at"], made["end_at"]) == ("2039-12-31T23:00:00Z", "2041-01-01T01:00:00.500000Z")
