"""Accounts over HTTP: made, changed, disabled; nobody manages whoever has more rights, or the system."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.core.identity import SYSTEM_USER_ID
from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, assert_problem, at_own_address

GOOD = "a long enough password"


def sign_in(gateway: LiveGateway, handle: str, password: str) -> httpx.Response:
    """A login from an address of its own."""
    with at_own_address(base_url=gateway.url) as client:
        return client.post("/v1/auth/login", json={"handle": handle, "password": password})


def made(gateway: LiveGateway, handle: str, **fields: Any) -> dict[str, Any]:
    """An account that the owner makes."""
    answer = gateway.call("POST", "/v1/users", json={"handle": handle, "password": GOOD, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def admin(live_gateway: LiveGateway) -> Callable[..., httpx.Response]:
    """Calls as an admin who is no owner."""
    made(live_gateway, "adam", role="admin")
    pair = sign_in(live_gateway, "adam", GOOD).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    return lambda method, path, **options: live_gateway.call(method, path, headers=headers, **options)


@pytest.fixture(scope="module")
def owner_id(live_gateway: LiveGateway) -> str:
    return str(live_gateway.call("GET", "/v1/users/me").json()["id"])


def test_what_is_explained_of_managing_an_account_is_what_is_decided(
    admin: Callable[..., httpx.Response], owner_id: str, live_gateway: LiveGateway
) -> None:
    below = made(live_gateway, "below-adam")["id"]

    def explained(action: str, whose: str, **more: str) -> bool:
        asked = {"action": action, "resource": f"users/{whose}", **more}
        said = admin("GET", "/v1/access/explain", params=asked).json()
        assert said["allowed"] or "owner" in said["reason"], said
        return bool(said["allowed"])

    for verb in ("disable", "revoke_sessions", "reset_password"):
        sent = {"json": {"password": GOOD}} if verb == "reset_password" else {}
        assert_problem(admin("POST", f"/v1/users/{owner_id}/{verb}", **sent), 403, "forbidden")
        assert not explained(f"users.{verb}", owner_id), verb
        assert explained(f"users.{verb}", below), verb
    assert explained("users.read", owner_id)
    assert explained("users.disable", below, user_id=owner_id)


def test_an_account_is_made_found_changed_and_never_deleted(live_gateway: LiveGateway) -> None:
    answer = live_gateway.call("POST", "/v1/users", json={"handle": "Dora.D", "display_name": "Dora", "password": GOOD})
    dora = answer.json()
    path = answer.headers["Location"]
    assert path == f"/v1/users/{dora['id']}"
    assert (dora["handle"], dora["role"], dora["roles"]) == ("dora.d", "member", ["member"])
    assert (dora["is_active"], dora["is_system"], dora["has_password"], dora["time_zone"]) == (True, False, True, None)
    assert GOOD not in answer.text
    for query in ("q=DORA.", "q=dora&is_active=true"):
        found = live_gateway.call("GET", f"/v1/users?{query}").json()["items"]
        assert [item["id"] for item in found] == [dora["id"]]
    for query in ("q=dor%25", "q=dora.d&is_active=false", "q=nobody_at_all"):
        assert live_gateway.call("GET", f"/v1/users?{query}").json()["items"] == []
    etag = {"If-Match": live_gateway.call("GET", path).headers["ETag"]}
    changed = live_gateway.call("PATCH", path, json={"time_zone": "Europe/Berlin"}, headers=etag)
    assert (changed.json()["time_zone"], changed.json()["display_name"]) == ("Europe/Berlin", "Dora")
    assert_problem(live_gateway.call("PATCH", path, json={"display_name": "D"}, headers=etag), 412)
    assert live_gateway.call("PATCH", path, json={"time_zone": None}).json()["time_zone"] is None
    assert_problem(live_gateway.call("PATCH", path, json={"time_zone": "Mars/Base"}), 422, field="time_zone")
    assert_problem(live_gateway.call("PATCH", path, json={"display_name": None}), 422, field="display_name")
    assert_problem(live_gateway.call("PATCH", path, json={"role": "owner"}), 422, field="role")
    assert_problem(live_gateway.call("DELETE", path), 405)
    assert_problem(live_gateway.call("POST", "/v1/users", json={"handle": "DORA.d"}), 409, "conflict")
    assert_problem(live_gateway.call("POST", "/v1/users", json={"handle": "no spaces"}), 422, field="handle")
    assert_problem(live_gateway.call("POST", "/v1/users", json={"handle": "x", "role": "king"}), 422, field="role")
    assert_problem(live_gateway.call("POST", "/v1/users", json={"handle": "x", "password": "short"}), 422)


def test_an_account_is_disabled_and_comes_back(live_gateway: LiveGateway) -> None:
    path = f"/v1/users/{made(live_gateway, 'ed')['id']}"
    pair = sign_in(live_gateway, "ed", GOOD).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert live_gateway.call("POST", f"{path}/disable").json()["is_active"] is False
    assert live_gateway.call("POST", f"{path}/disable").status_code == 200, "again is no error"
    assert_problem(live_gateway.call("GET", "/v1/users/me", headers=headers), 401, "bad_token")
    assert_problem(sign_in(live_gateway, "ed", GOOD), 401, "bad_credentials")
    assert live_gateway.call("POST", f"{path}/enable").json()["is_active"] is True
    assert sign_in(live_gateway, "ed", GOOD).status_code == 200
    told = live_gateway.call("GET", "/v1/events?since=0&name=user.*&limit=200").json()["items"]
    names = [event["name"] for event in told if event["data"]["handle"] == "ed"]
    assert names == ["user.created", "user.disabled", "user.enabled"]


def test_sessions_and_tokens_of_an_account_are_seen_and_revoked(live_gateway: LiveGateway) -> None:
    path = f"/v1/users/{made(live_gateway, 'fay')['id']}"
    headers = {"Authorization": f"Bearer {sign_in(live_gateway, 'fay', GOOD).json()['access_token']}"}
    tokens = [
        live_gateway.call("POST", "/v1/tokens", json={"name": name}, headers=headers).json() for name in ("a", "b", "c")
    ]
    [session] = live_gateway.call("GET", f"{path}/sessions").json()["items"]
    assert (session["kind"], session["current"]) == ("login", False)
    listed = live_gateway.call("GET", f"{path}/tokens").json()["items"]
    assert [item["name"] for item in listed] == ["c", "b", "a"]
    assert not any(token["token"] in str(listed) for token in tokens)
    assert live_gateway.call("DELETE", f"{path}/tokens/{tokens[0]['id']}").status_code == 204
    assert_problem(live_gateway.call("DELETE", f"{path}/tokens/{tokens[0]['id']}"), 404)
    own = live_gateway.call("GET", "/v1/tokens").json()["items"][0]["id"]
    assert_problem(live_gateway.call("DELETE", f"{path}/tokens/{own}"), 404, "not_found")
    assert live_gateway.call("POST", f"{path}/revoke_sessions").json() == {"sessions": 1, "tokens": 0}
    assert_problem(live_gateway.call("GET", "/v1/users/me", headers=headers), 401)
    by_token = {"Authorization": f"Bearer {tokens[1]['token']}"}
    assert live_gateway.call("GET", "/v1/users/me", headers=by_token).status_code == 200
    both = live_gateway.call("POST", f"{path}/revoke_sessions", json={"tokens": True})
    assert both.json() == {"sessions": 0, "tokens": 2}
    assert_problem(live_gateway.call("GET", "/v1/users/me", headers=by_token), 401)
    assert live_gateway.call("GET", f"{path}/tokens").json()["items"] == []


def test_nobody_manages_whoever_has_more_rights(
    live_gateway: LiveGateway, admin: Callable[..., httpx.Response], owner_id: str, database: Database
) -> None:
    """Whoever could set an owner's password would be the owner."""
    owner = f"/v1/users/{owner_id}"
    token = live_gateway.call("POST", "/v1/tokens", json={"name": "owners"}).json()["id"]
    for method, path, body in (
        ("PATCH", owner, {"display_name": "Adam"}),
        ("POST", f"{owner}/disable", None),
        ("POST", f"{owner}/enable", None),
        ("POST", f"{owner}/revoke_sessions", {"tokens": True}),
        ("POST", f"{owner}/reset_password", {"password": GOOD}),
        ("DELETE", f"{owner}/tokens/{token}", None),
        ("DELETE", f"/v1/tokens/{token}", None),
        ("POST", "/v1/users", {"handle": "puppet", "role": "owner"}),
    ):
        answer = admin(method, path, json=body)
        assert_problem(answer, 403, "forbidden")
        assert "deny" in [record["decision"] for record in database.audit(answer.headers["X-Request-Id"])]
    assert sign_in(live_gateway, "owner", live_gateway.owner_password).status_code == 200
    puppet = admin("POST", "/v1/users", json={"handle": "gus", "role": "admin"}).json()
    assert admin("POST", f"/v1/users/{puppet['id']}/reset_password", json={"password": GOOD}).status_code == 204
    assert admin("POST", f"/v1/users/{puppet['id']}/disable").status_code == 200


def test_a_narrowed_token_does_not_rise_above_its_scopes(live_gateway: LiveGateway, owner_id: str) -> None:
    """With a password of an owner's or admin's account it would have all their rights."""
    narrow = live_gateway.call("POST", "/v1/tokens", json={"name": "users", "scopes": ["users.*"]}).json()
    headers = {"Authorization": f"Bearer {narrow['token']}"}
    admin = made(live_gateway, "hal", role="admin")
    for user_id in (owner_id, admin["id"]):
        path = f"/v1/users/{user_id}/reset_password"
        assert_problem(live_gateway.call("POST", path, json={"password": GOOD}, headers=headers), 403)
    for role in ("owner", "admin"):
        body = {"handle": f"puppet-{role}", "role": role, "password": GOOD}
        assert_problem(live_gateway.call("POST", "/v1/users", json=body, headers=headers), 403)
    member = live_gateway.call("POST", "/v1/users", json={"handle": "ida"}, headers=headers)
    assert member.status_code == 201


def test_ones_own_password_needs_the_current_one(live_gateway: LiveGateway, owner_id: str) -> None:
    answer = live_gateway.call("POST", f"/v1/users/{owner_id}/reset_password", json={"password": GOOD})
    assert_problem(answer, 409)
    assert sign_in(live_gateway, "owner", live_gateway.owner_password).status_code == 200


def test_a_new_user_comes_in_by_an_admins_code_and_sets_a_password(
    live_gateway: LiveGateway, owner_id: str, admin: Callable[..., httpx.Response], bob: Person
) -> None:
    user = live_gateway.call("POST", "/v1/users", json={"handle": "invited"}).json()
    path = f"/v1/users/{user['id']}/sign_in_code"
    assert_problem(bob.call("POST", path), 404)
    spent = admin("POST", path).json()["code"]
    given = admin("POST", path)
    assert given.status_code == 200, given.text
    assert given.headers["Cache-Control"] == "no-store"
    with at_own_address(base_url=live_gateway.url) as client:
        assert_problem(client.post("/v1/auth/session", json={"code": spent}), 401, "bad_code")
        opened = client.post("/v1/auth/session", json={"code": given.json()["code"]})
        assert opened.status_code == 200, opened.text
        csrf = {"X-CSRF-Token": opened.json()["csrf_token"]}
        assert client.post("/v1/users/me/password", json={"new_password": GOOD}, headers=csrf).status_code == 204
        assert_problem(client.post("/v1/auth/session", json={"code": given.json()["code"]}), 401, "bad_code")
    assert sign_in(live_gateway, "invited", GOOD).status_code == 200
    # Whoever has a code is that user: no admin gets an owner's, nobody their own, and a disabled account has none.
    assert_problem(admin("POST", f"/v1/users/{owner_id}/sign_in_code"), 403, "forbidden")
    assert_problem(live_gateway.call("POST", f"/v1/users/{owner_id}/sign_in_code"), 409, "conflict")
    left = admin("POST", path).json()["code"]
    assert live_gateway.call("POST", f"/v1/users/{user['id']}/disable").status_code == 200
    assert_problem(admin("POST", path), 409, "conflict")
    assert live_gateway.call("POST", f"/v1/users/{user['id']}/enable").status_code == 200
    with at_own_address(base_url=live_gateway.url) as client:
        assert_problem(client.post("/v1/auth/session", json={"code": left}), 401, "bad_code")


def test_the_last_owner_cannot_be_disabled(live_gateway: LiveGateway, owner_id: str) -> None:
    assert_problem(live_gateway.call("POST", f"/v1/users/{owner_id}/disable"), 409, "last_owner")
    second = made(live_gateway, "jo", role="owner")
    assert live_gateway.call("POST", f"/v1/users/{second['id']}/disable").json()["is_active"] is False
    assert_problem(live_gateway.call("POST", f"/v1/users/{owner_id}/disable"), 409, "last_owner")
    assert live_gateway.call("GET", "/v1/users/me").json()["is_active"] is True


def test_the_reserved_user_is_listed_and_never_changes(live_gateway: LiveGateway) -> None:
    listed = live_gateway.call("GET", "/v1/users?q=system&limit=200").json()["items"]
    [system] = [item for item in listed if item["is_system"]]
    assert (system["id"], system["handle"], system["is_active"]) == (str(SYSTEM_USER_ID), "system", False)
    path = f"/v1/users/{system['id']}"
    for method, way, body in (
        ("PATCH", "", {"display_name": "Me"}),
        ("POST", "/enable", None),
        ("POST", "/disable", None),
        ("POST", "/revoke_sessions", None),
        ("POST", "/reset_password", {"password": GOOD}),
    ):
        assert_problem(live_gateway.call(method, path + way, json=body), 409, "reserved_user")
    assert live_gateway.call("GET", path).json() == system


def test_members_manage_nobody(bob: Person, viewer: Person, owner_id: str) -> None:
    for person in (bob, viewer):
        assert_problem(person.call("GET", "/v1/users"), 403, "forbidden")
        assert_problem(person.call("POST", "/v1/users", json={"handle": "mine"}), 403, "forbidden")
        assert_problem(person.call("GET", f"/v1/users/{owner_id}"), 404, "not_found")
