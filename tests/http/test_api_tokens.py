"""API tokens: shown once, scoped, expiring, and no way to more rights than they have."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway
from tests.http.callers import PASSWORD, Database, Person, assert_problem, at_own_address, manage


def make(person: Person, **wish: Any) -> dict[str, Any]:
    """A token of that person."""
    answer = person.call("POST", "/v1/tokens", json={"name": "t", **wish})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def using(person: Person, token: dict[str, Any]) -> Callable[..., httpx.Response]:
    """Calls with that token."""
    headers = {"Authorization": f"Bearer {token['token']}"}
    return lambda method, path, **options: person.call(method, path, headers=headers, **options)


def test_a_token_that_may_not_read_events_gets_none_by_a_subscription_or_a_trigger(bob: Person) -> None:
    """Both act by themselves later, with the rights of whoever they belong to."""
    narrow = using(bob, make(bob, scopes=["destinations.*", "subscriptions.*", "schedules.*", "tasks.*"]))
    hook = {"destination_type": "webhook", "name": "out", "destination_config": {"url": "https://example.com/"}}
    made = narrow("POST", "/v1/destinations", json=hook)
    assert made.status_code == 201, made.text
    wish = {"destination_id": made.json()["id"], "event_pattern": "task.*"}
    assert_problem(narrow("POST", "/v1/subscriptions", json=wish), 403, "forbidden")
    mine = bob.call("POST", "/v1/subscriptions", json=wish).json()["id"]
    assert_problem(narrow("PATCH", f"/v1/subscriptions/{mine}", json={"event_pattern": "**"}), 403, "forbidden")
    assert bob.call("GET", f"/v1/subscriptions/{mine}").json()["event_pattern"] == "task.*"
    work = {"name": "by-token", "payload": {"kind": "commands", "commands": ["true"]}}
    hearing: list[dict[str, Any]] = [
        {"kind": "event", "pattern": "credential.**"},
        {"kind": "absence", "pattern": "task.created", "for_s": 60},
    ]
    for trigger in hearing:
        assert_problem(narrow("POST", "/v1/schedules", json={**work, "trigger": trigger}), 403, "forbidden")
    schedule = narrow("POST", "/v1/schedules", json={**work, "trigger": {"kind": "manual"}}).json()["id"]
    for trigger in hearing:
        assert_problem(narrow("PATCH", f"/v1/schedules/{schedule}", json={"trigger": trigger}), 403, "forbidden")
    renamed = narrow("PATCH", f"/v1/schedules/{schedule}", json={"name": "by-token-still"})
    assert renamed.json()["trigger"] == {"kind": "manual"}, renamed.text
    for path in (f"schedules/{schedule}", f"destinations/{wish['destination_id']}"):
        assert bob.call("DELETE", f"/v1/{path}").status_code == 204


def test_a_scope_of_many_stars_keeps_nobody_waiting(bob: Person) -> None:
    narrow = using(bob, make(bob, scopes=["*" * 30 + "." + "*" * 30 + "z"]))
    assert_problem(narrow("POST", "/v1/tasks", json={"commands": ["true"]}), 403, "forbidden")


def test_the_secret_is_shown_once(bob: Person, database: Database) -> None:
    token = make(bob, name="ci", scopes=["tasks.*"])
    assert token["token"].startswith("uag_")
    assert token["token"].startswith(token["prefix"])
    listed = next(item for item in bob.call("GET", "/v1/tokens").json()["items"] if item["id"] == token["id"])
    assert set(token) - set(listed) == {"token"}
    assert (listed["name"], listed["scopes"], listed["last_used_at"]) == ("ci", ["tasks.*"], None)
    using(bob, token)("GET", "/v1/tasks")
    listed = next(item for item in bob.call("GET", "/v1/tokens").json()["items"] if item["id"] == token["id"])
    assert listed["last_used_at"] is not None
    [row] = database.rows("SELECT * FROM api_tokens WHERE id = :id", id=token["id"])
    assert token["token"] not in str(row)


@pytest.mark.parametrize(
    ("scopes", "allowed", "denied"),
    [
        (["tasks.read"], ["GET /v1/tasks"], ["POST /v1/tasks", "GET /v1/runs", "GET /v1/users/me", "GET /v1/tokens"]),
        (["tasks.*"], ["GET /v1/tasks", "POST /v1/tasks"], ["GET /v1/artifacts", "POST /v1/tokens"]),
        (["*.read"], ["GET /v1/tasks", "GET /v1/users/me", "GET /v1/models"], ["POST /v1/tasks", "PATCH /v1/users/me"]),
        (["*"], ["GET /v1/tasks", "POST /v1/tasks", "GET /v1/users/me"], ["GET /v1/nodes", "GET /metrics"]),
        ([], [], ["GET /v1/tasks", "POST /v1/tasks", "GET /v1/users/me", "POST /v1/tokens"]),
        (["task.*", "tasks", "read"], [], ["GET /v1/tasks"]),
    ],
)
def test_scopes_are_globs_over_actions(bob: Person, scopes: list[str], allowed: list[str], denied: list[str]) -> None:
    call = using(bob, make(bob, scopes=scopes))
    bodies = {"POST /v1/tasks": {"commands": ["true"]}, "POST /v1/tokens": {"name": "x"}, "PATCH /v1/users/me": {}}
    for wish in allowed:
        method, path = wish.split()
        assert call(method, path, json=bodies.get(wish)).status_code in (200, 201), wish
    for wish in denied:
        method, path = wish.split()
        assert_problem(call(method, path, json=bodies.get(wish)), 403, "forbidden")


def test_a_token_cannot_mint_a_broader_one(bob: Person) -> None:
    call = using(bob, make(bob, scopes=["self.*", "tasks.read"]))
    for scopes in (["*"], ["tasks.*"], ["tasks.create"], ["self.*", "tasks.read", "runs.read"]):
        assert_problem(call("POST", "/v1/tokens", json={"name": "more", "scopes": scopes}), 422, field="scopes")
    inherited = call("POST", "/v1/tokens", json={"name": "same"}).json()
    assert inherited["scopes"] == ["self.*", "tasks.read"]
    assert call("POST", "/v1/tokens", json={"name": "less", "scopes": ["tasks.read"]}).status_code == 201


def test_a_token_cannot_mint_one_that_outlives_it(bob: Person) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    call = using(bob, make(bob, expires_at=end.isoformat()))
    later = (end + timedelta(seconds=1)).isoformat()
    assert_problem(call("POST", "/v1/tokens", json={"name": "later", "expires_at": later}), 422, field="expires_at")
    heir = call("POST", "/v1/tokens", json={"name": "heir"}).json()
    assert datetime.fromisoformat(heir["expires_at"]) == end


def test_a_token_cannot_set_a_first_password(live_gateway: LiveGateway) -> None:
    """It would turn a token that ends into a password that does not."""
    made = live_gateway.call("POST", "/v1/users", json={"handle": "codeonly"})
    assert made.json()["has_password"] is False
    code = manage(live_gateway, "sign-in-code", "codeonly")
    with at_own_address(base_url=live_gateway.url) as browser:
        session = browser.post("/v1/auth/session", json={"code": code}).json()
        csrf = {"X-CSRF-Token": session["csrf_token"]}
        token = browser.post("/v1/tokens", json={"name": "t"}, headers=csrf).json()["token"]
        browser.headers["X-CSRF-Token"] = session["csrf_token"]
        body = {"new_password": PASSWORD}
        refused = browser.post("/v1/users/me/password", json=body, headers={"Authorization": f"Bearer {token}"})
        assert_problem(refused, 403)
        assert browser.post("/v1/users/me/password", json=body, headers=csrf).status_code == 204


def test_a_revoked_token_is_out_at_once_and_gone_from_the_list(bob: Person) -> None:
    token = make(bob)
    call = using(bob, token)
    assert call("GET", "/v1/users/me").status_code == 200
    assert bob.call("DELETE", f"/v1/tokens/{token['id']}").status_code == 204
    assert_problem(call("GET", "/v1/users/me"), 401, "bad_token")
    assert token["id"] not in [item["id"] for item in bob.call("GET", "/v1/tokens").json()["items"]]
    assert_problem(bob.call("DELETE", f"/v1/tokens/{token['id']}"), 404)


def test_tokens_are_found_by_a_part_of_their_names(bob: Person) -> None:
    made = make(bob, name="100% of the Night shift")
    for words, found in (("night", [made["id"]]), ("0% of", [made["id"]]), ("0_% of", [])):
        items = bob.call("GET", "/v1/tokens", params={"q": words}).json()["items"]
        assert [item["id"] for item in items] == found


def test_tokens_of_others_are_neither_seen_nor_revoked(live_gateway: LiveGateway, bob: Person) -> None:
    owners = live_gateway.call("POST", "/v1/tokens", json={"name": "owners"}).json()
    assert owners["id"] not in [item["id"] for item in bob.call("GET", "/v1/tokens?limit=200").json()["items"]]
    assert_problem(bob.call("DELETE", f"/v1/tokens/{owners['id']}"), 404, "not_found")
    headers = {"Authorization": f"Bearer {owners['token']}"}
    assert live_gateway.call("GET", "/v1/users/me", headers=headers).status_code == 200


def test_a_scoped_token_reaches_nothing_of_another_user(live_gateway: LiveGateway, bob: Person) -> None:
    task = live_gateway.submit(commands=["true"])
    call = using(bob, make(bob, scopes=["*"]))
    assert_problem(call("GET", f"/v1/tasks/{task['id']}"), 404)
