"""Sessions: where somebody is signed in, ended one by one; refresh tokens have one live successor."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, assert_problem


def sign_in(client: httpx.Client, person: Person) -> dict[str, Any]:
    """A login."""
    body = {"handle": person.handle, "password": person.password}
    answer = client.post("/v1/auth/login", json=body, headers={"User-Agent": "a test/1.0 " + "x" * 500})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def refresh(client: httpx.Client, token: str) -> httpx.Response:
    """Trades a refresh token."""
    return client.post("/v1/auth/refresh", json={"refresh_token": token})


def alive(client: httpx.Client, pair: dict[str, Any]) -> bool:
    """Whether the pair's access token works, which uses it."""
    return client.get("/v1/users/me", headers={"Authorization": f"Bearer {pair['access_token']}"}).status_code == 200


@pytest.fixture
def person(fresh_person: Callable[[], Person]) -> Person:
    """Someone with no session but those of the test, and that of their token's making."""
    return fresh_person()


def test_an_admin_ends_one_session_of_somebody_and_leaves_the_others(
    live_gateway: LiveGateway, person: Person, bob: Person, stranger: httpx.Client
) -> None:
    first, second = sign_in(stranger, person), sign_in(stranger, person)
    user = person.call("GET", "/v1/users/me").json()["id"]
    newest = live_gateway.call("GET", f"/v1/users/{user}/sessions").json()["items"][0]
    path = f"/v1/users/{user}/sessions/{newest['id']}"
    assert_problem(person.call("DELETE", path), 403, "forbidden")
    assert_problem(bob.call("DELETE", path), 404)
    bobs = bob.call("GET", "/v1/users/me").json()["id"]
    assert_problem(live_gateway.call("DELETE", f"/v1/users/{bobs}/sessions/{newest['id']}"), 404)
    assert live_gateway.call("DELETE", path).status_code == 204
    assert (alive(stranger, first), alive(stranger, second)) == (True, False)
    assert_problem(live_gateway.call("DELETE", path), 404)


def test_sessions_are_listed_and_ended_one_by_one(
    live_gateway: LiveGateway, person: Person, database: Database, stranger: httpx.Client
) -> None:
    here, elsewhere = sign_in(stranger, person), sign_in(stranger, person)
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    listed = stranger.get("/v1/users/me/sessions", headers=headers).json()["items"]
    assert len(listed) == 3
    assert [item["current"] for item in listed] == [False, True, False], "newest first"
    assert {item["kind"] for item in listed} == {"login"}
    assert listed[0]["address"].startswith("127.77.")
    assert listed[0]["user_agent"].startswith("a test/1.0")
    assert len(listed[0]["user_agent"]) == 200
    assert listed[0]["created_at"] <= listed[0]["last_used_at"] < listed[0]["expires_at"]
    assert not any(secret in str(listed) for secret in here.values() if isinstance(secret, str) and len(secret) > 20)
    paged = stranger.get("/v1/users/me/sessions?limit=1", headers=headers).json()
    assert (len(paged["items"]), paged["next_cursor"] is not None) == (1, True)
    ended = stranger.delete(f"/v1/users/me/sessions/{listed[0]['id']}", headers=headers)
    assert ended.status_code == 204
    assert not alive(stranger, elsewhere)
    assert alive(stranger, here)
    assert_problem(refresh(stranger, elsewhere["refresh_token"]), 401, "session_ended")
    assert_problem(stranger.delete(f"/v1/users/me/sessions/{listed[0]['id']}", headers=headers), 404)
    assert [item["current"] for item in person.call("GET", "/v1/users/me/sessions").json()["items"]] == [False, False]


def test_the_last_use_is_noted_once_a_minute(
    live_gateway: LiveGateway, person: Person, database: Database, stranger: httpx.Client
) -> None:
    pair = sign_in(stranger, person)
    [newest, *_] = person.call("GET", "/v1/users/me/sessions").json()["items"]
    for ago, noted in (("30 seconds", False), ("90 seconds", True)):
        database.run(
            f"UPDATE auth_sessions SET last_used_at = now() - interval '{ago}' WHERE id = :id", id=newest["id"]
        )
        before = database.rows("SELECT last_used_at FROM auth_sessions WHERE id = :id", id=newest["id"])
        assert alive(stranger, pair)
        after = database.rows("SELECT last_used_at FROM auth_sessions WHERE id = :id", id=newest["id"])
        assert (after != before) is noted


def test_refreshing_rotates(stranger: httpx.Client, person: Person) -> None:
    first = sign_in(stranger, person)
    second = refresh(stranger, first["refresh_token"]).json()
    assert len({first["access_token"], second["access_token"], first["refresh_token"], second["refresh_token"]}) == 4
    assert alive(stranger, second)
    third = refresh(stranger, second["refresh_token"])
    assert third.status_code == 200
    assert alive(stranger, third.json())


def test_a_lost_answer_gives_one_successor(stranger: httpx.Client, person: Person) -> None:
    first = sign_in(stranger, person)
    lost = refresh(stranger, first["refresh_token"]).json()
    again = refresh(stranger, first["refresh_token"])
    assert again.status_code == 200
    assert not alive(stranger, lost), "the pair that nobody got is void"
    assert alive(stranger, again.json())
    assert refresh(stranger, again.json()["refresh_token"]).status_code == 200


@pytest.mark.parametrize("used", ["access token", "refresh token"])
def test_a_reused_refresh_token_ends_the_family(stranger: httpx.Client, person: Person, used: str) -> None:
    """The answer has arrived, for something of it was used: whoever comes with the old one has a copy."""
    first = sign_in(stranger, person)
    second = refresh(stranger, first["refresh_token"]).json()
    newest = second
    if used == "access token":
        assert alive(stranger, second)
    else:
        newest = refresh(stranger, second["refresh_token"]).json()
    assert_problem(refresh(stranger, first["refresh_token"]), 401, "refresh_token_reused")
    for pair in (first, second, newest):
        assert not alive(stranger, pair), "whoever holds the successor is out as well"
    assert_problem(refresh(stranger, newest["refresh_token"]), 401, "session_ended")


def test_a_refresh_token_reused_after_the_grace_ends_the_family(
    stranger: httpx.Client, person: Person, database: Database
) -> None:
    first = sign_in(stranger, person)
    second = refresh(stranger, first["refresh_token"]).json()
    database.run(
        "UPDATE session_tokens SET used_at = used_at - interval '21 seconds' WHERE session_id IN"
        " (SELECT s.id FROM auth_sessions s JOIN users u ON u.id = s.user_id WHERE u.handle = :handle)",
        handle=person.handle,
    )
    assert_problem(refresh(stranger, first["refresh_token"]), 401, "refresh_token_reused")
    assert not alive(stranger, second)


def test_a_replaced_refresh_token_ends_the_family(stranger: httpx.Client, person: Person) -> None:
    """A thief who is quick makes the victim's pair the replaced one; the victim's next refresh shows it."""
    first = sign_in(stranger, person)
    victims = refresh(stranger, first["refresh_token"]).json()
    thiefs = refresh(stranger, first["refresh_token"]).json()
    assert alive(stranger, thiefs)
    assert_problem(refresh(stranger, victims["refresh_token"]), 401, "refresh_token_reused")
    assert not alive(stranger, thiefs)


def test_fifty_refreshes_at_once_have_one_successor(
    live_gateway: LiveGateway, stranger: httpx.Client, person: Person
) -> None:
    token = sign_in(stranger, person)["refresh_token"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: refresh(stranger, token), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    pairs = [answer.json() for answer in answers]
    assert len({pair["refresh_token"] for pair in pairs}) == 50, "no pair is given twice"
    living = [pair for pair in pairs if alive(stranger, pair)]
    assert len(living) == 1
    assert refresh(stranger, living[0]["refresh_token"]).status_code == 200, "and the family lives on"


def test_a_token_can_be_read_and_renamed_but_not_widened(bob: Person) -> None:
    made = bob.call("POST", "/v1/tokens", json={"name": "ci", "scopes": ["tasks.read"]}).json()
    path = f"/v1/tokens/{made['id']}"
    shown = bob.call("GET", path)
    assert "token" not in shown.json()
    etag = {"If-Match": shown.headers["ETag"]}
    renamed = bob.call("PATCH", path, json={"name": "nightly"}, headers=etag)
    assert (renamed.json()["name"], renamed.json()["scopes"]) == ("nightly", ["tasks.read"])
    assert renamed.json()["version"] == made["version"] + 1
    assert_problem(bob.call("PATCH", path, json={"name": "late"}, headers=etag), 412, "stale_version")
    for more in ({"name": "x", "scopes": ["*"]}, {"name": "x", "expires_at": None}, {"name": "a\nb"}, {"name": ""}, {}):
        assert_problem(bob.call("PATCH", path, json=more), 422)
