"""Passwords, sessions and one-time codes: who gets in, for how long, and how guessing is slowed."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from gateway.core.data_dir import DataDir
from tests.conftest import LiveGateway
from tests.http.callers import PASSWORD, Database, Person, assert_problem, at_own_address, manage

NEW_PASSWORD = "quite another password"


def sign_in(client: httpx.Client, person: Person, password: str = PASSWORD) -> httpx.Response:
    """A login with handle and password."""
    return client.post("/v1/auth/login", json={"handle": person.handle, "password": password})


def me(client: httpx.Client, access_token: str) -> httpx.Response:
    """Whose token it is."""
    return client.get("/v1/users/me", headers={"Authorization": f"Bearer {access_token}"})


def test_a_login_gives_a_pair_that_works(stranger: httpx.Client, bob: Person) -> None:
    pair = sign_in(stranger, bob).json()
    assert pair["token_type"] == "Bearer"
    assert 0 < pair["expires_in"] <= 3600
    account = me(stranger, pair["access_token"])
    assert (account.json()["handle"], account.json()["role"]) == ("bob", "member")
    assert stranger.post("/v1/auth/login", json={"handle": "BOB", "password": PASSWORD}).status_code == 200


def test_every_way_to_fail_looks_the_same(
    stranger: httpx.Client, live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    disabled = fresh_person()
    manage(live_gateway, "disable", disabled.handle)
    answers = [
        stranger.post("/v1/auth/login", json={"handle": handle, "password": password})
        for handle, password in (
            ("bob", "wrong wrong wrong"),
            ("nobody", PASSWORD),
            ("system", PASSWORD),
            (disabled.handle, PASSWORD),
        )
    ]
    for answer in answers:
        assert_problem(answer, 401, "bad_credentials")
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_an_access_token_does_not_refresh_and_a_refresh_token_does_not_act(stranger: httpx.Client, bob: Person) -> None:
    pair = sign_in(stranger, bob).json()
    assert_problem(me(stranger, pair["refresh_token"]), 401, "bad_token")
    wrong = stranger.post("/v1/auth/refresh", json={"refresh_token": pair["access_token"]})
    assert_problem(wrong, 401, "bad_refresh_token")


def test_logging_out_ends_the_whole_login(stranger: httpx.Client, bob: Person) -> None:
    pair = sign_in(stranger, bob).json()
    other = sign_in(stranger, bob).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert stranger.post("/v1/auth/logout", headers=headers).status_code == 204
    assert_problem(me(stranger, pair["access_token"]), 401, "bad_token")
    ended = stranger.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert_problem(ended, 401, "session_ended")
    assert me(stranger, other["access_token"]).status_code == 200
    assert_problem(bob.call("POST", "/v1/auth/logout"), 409)


def test_tokens_and_sessions_end_when_their_time_is_over(
    live_gateway: LiveGateway, database: Database, fresh_person: Callable[[], Person]
) -> None:
    person = fresh_person()
    with at_own_address(base_url=live_gateway.url) as client:
        pair = sign_in(client, person).json()
        client.post("/v1/auth/session", json={"handle": person.handle, "password": PASSWORD})
        mine = "(SELECT id FROM users WHERE handle = :handle)"
        past = "now() - interval '1 second'"
        sessions = f"(SELECT id FROM auth_sessions WHERE user_id = {mine})"
        database.run(
            f"UPDATE session_tokens SET expires_at = {past} WHERE session_id IN {sessions}", handle=person.handle
        )
        assert_problem(me(client, pair["access_token"]), 401, "bad_token")
        refreshed = client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert_problem(refreshed, 401, "session_ended")
        assert client.get("/v1/auth/session").status_code == 200
        database.run(f"UPDATE auth_sessions SET expires_at = {past} WHERE user_id = {mine}", handle=person.handle)
        assert_problem(client.get("/v1/auth/session"), 401)


def test_changing_a_password_needs_the_current_one_and_ends_the_other_sessions(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    person = fresh_person()
    with at_own_address(base_url=live_gateway.url) as client:
        here, elsewhere = sign_in(client, person).json(), sign_in(client, person).json()
        headers = {"Authorization": f"Bearer {here['access_token']}"}

        def change(**body: str) -> httpx.Response:
            return client.post("/v1/users/me/password", json=body, headers=headers)

        assert_problem(change(new_password=NEW_PASSWORD), 422, field="current_password")
        wrong = change(new_password=NEW_PASSWORD, current_password="wrong wrong")
        assert_problem(wrong, 422, field="current_password")
        assert_problem(change(new_password="short", current_password=PASSWORD), 422, field="new_password")
        assert change(new_password=NEW_PASSWORD, current_password=PASSWORD).status_code == 204
        assert_problem(sign_in(client, person), 401, "bad_credentials")
        assert sign_in(client, person, NEW_PASSWORD).status_code == 200
        assert me(client, here["access_token"]).status_code == 200
        assert_problem(me(client, elsewhere["access_token"]), 401, "bad_token")


def test_resetting_a_password_ends_every_session(live_gateway: LiveGateway, fresh_person: Callable[[], Person]) -> None:
    person = fresh_person()
    with at_own_address(base_url=live_gateway.url) as client:
        pair = sign_in(client, person).json()
        assert client.post("/v1/auth/session", json={"handle": person.handle, "password": PASSWORD}).status_code == 200
        manage(live_gateway, "reset-password", person.handle, NEW_PASSWORD)
        assert_problem(me(client, pair["access_token"]), 401)
        assert_problem(client.get("/v1/auth/session"), 401)
        assert_problem(client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}), 401)
        assert sign_in(client, person, NEW_PASSWORD).status_code == 200


def test_a_disabled_user_is_out_at_once_and_back_when_enabled(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    person = fresh_person()
    with at_own_address(base_url=live_gateway.url) as client:
        pair = sign_in(client, person).json()
        client.post("/v1/auth/session", json={"handle": person.handle, "password": PASSWORD})
        manage(live_gateway, "disable", person.handle)
        assert_problem(me(client, pair["access_token"]), 401)
        assert_problem(client.get("/v1/auth/session"), 401)
        assert_problem(me(client, person.token), 401)
        assert_problem(client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}), 401)
        assert_problem(sign_in(client, person), 401, "bad_credentials")
        manage(live_gateway, "enable", person.handle)
        assert person.call("GET", "/v1/users/me").status_code == 200
        assert_problem(me(client, pair["access_token"]), 401)


def test_the_console_session_is_a_strict_cookie_that_acts_only_with_its_csrf_token(
    live_gateway: LiveGateway, bob: Person
) -> None:
    with at_own_address(base_url=live_gateway.url) as browser:
        opened = browser.post("/v1/auth/session", json={"handle": "bob", "password": PASSWORD})
        cookies = opened.headers.get_list("Set-Cookie")
        [cookie] = [each for each in cookies if "_device=" not in each]
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= flags
        assert not any(flag.startswith("domain=") for flag in flags)
        csrf = opened.json()["csrf_token"]
        assert csrf
        assert csrf not in cookie
        shown = browser.get("/v1/auth/session").json()
        assert (shown["user"]["handle"], shown["csrf_token"]) == ("bob", csrf)
        assert_problem(browser.patch("/v1/users/me", json={"display_name": "B"}), 403, "csrf_failed")
        changed = browser.patch("/v1/users/me", json={"display_name": "B"}, headers={"X-CSRF-Token": csrf})
        assert changed.json()["display_name"] == "B"
        with at_own_address(base_url=live_gateway.url) as other:
            another = other.post("/v1/auth/session", json={"handle": "bob", "password": PASSWORD}).json()["csrf_token"]
        assert another != csrf
        foreign = browser.patch("/v1/users/me", json={"display_name": "C"}, headers={"X-CSRF-Token": another})
        assert_problem(foreign, 403, "csrf_failed")
        kept = cookie.split(";")[0]
        assert browser.delete("/v1/auth/session", headers={"X-CSRF-Token": csrf}).status_code == 204
        replayed = browser.get("/v1/auth/session", headers={"Cookie": kept})
        assert_problem(replayed, 401)


def test_the_cookie_does_not_serve_another_pages_request(live_gateway: LiveGateway, bob: Person) -> None:
    """A page on another port is same-site; its plain GETs carry the cookie but no Origin."""
    with at_own_address(base_url=live_gateway.url) as browser:
        browser.post("/v1/auth/session", json={"handle": "bob", "password": PASSWORD})
        for site in ("same-site", "cross-site"):
            answer = browser.get("/v1/users/me", headers={"Sec-Fetch-Site": site})
            assert_problem(answer, 403, "origin_not_allowed")
        for site in ("same-origin", "none"):
            assert browser.get("/v1/users/me", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_a_one_time_code_opens_one_session(live_gateway: LiveGateway, bob: Person, stranger: httpx.Client) -> None:
    code = manage(live_gateway, "sign-in-code", "bob")
    opened = stranger.post("/v1/auth/session", json={"code": f" {code.lower()} "})
    assert opened.json()["user"]["handle"] == "bob"
    assert_problem(stranger.post("/v1/auth/session", json={"code": code}), 401, "bad_code")


def test_a_one_time_code_is_redeemed_once_by_many_at_once(live_gateway: LiveGateway, bob: Person) -> None:
    code = manage(live_gateway, "sign-in-code", "bob")

    def use(_: int) -> int:
        with at_own_address(base_url=live_gateway.url) as client:
            return client.post("/v1/auth/session", json={"code": code}).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(use, range(10))) == [200] + [401] * 9


def test_an_expired_code_opens_nothing(live_gateway: LiveGateway, database: Database, stranger: httpx.Client) -> None:
    code = manage(live_gateway, "sign-in-code", "owner")
    database.run("UPDATE sign_in_codes SET expires_at = now() - interval '1 second'")
    assert_problem(stranger.post("/v1/auth/session", json={"code": code}), 401, "bad_code")


def test_codes_are_given_only_for_the_launch_key(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    assert_problem(stranger.post("/v1/auth/codes", json={"key": "wrong"}), 401, "bad_launch_key")
    assert_problem(stranger.post("/v1/auth/codes", json={}), 422, field="key")
    published = DataDir(live_gateway.data_dir).published()
    assert published is not None
    info = live_gateway.data_dir / "gateway.json"
    assert info.stat().st_mode & 0o777 == 0o600
    given = stranger.post("/v1/auth/codes", json={"key": published["launch_key"]})
    assert given.status_code == 201
    opened = stranger.post("/v1/auth/session", json={"code": given.json()["code"]})
    assert opened.json()["user"]["handle"] == "owner"


@pytest.mark.parametrize(
    "body", [{}, {"handle": "bob"}, {"password": "x"}, {"code": "A", "handle": "b", "password": "c"}, {"code": ""}]
)
def test_a_session_is_opened_one_way_or_the_other(stranger: httpx.Client, body: dict[str, Any]) -> None:
    assert_problem(stranger.post("/v1/auth/session", json=body), 422)


def test_no_secret_is_kept_or_told(live_gateway: LiveGateway, database: Database, bob: Person) -> None:
    """Canaries of every kind, looked for in every text of the database, in the logs and beside the processes."""
    canaries = {
        "password": f"canary-{uuid.uuid4()}",
        "wrong": f"canary-{uuid.uuid4()}",
        "handle": f"canary{uuid.uuid4()}",
    }
    manage(live_gateway, "reset-password", "bob", canaries["password"])
    with at_own_address(base_url=live_gateway.url) as client:
        pair = sign_in(client, bob, canaries["password"]).json()
        canaries |= {"access": pair["access_token"], "refresh": pair["refresh_token"]}
        refused = sign_in(client, bob, canaries["wrong"])
        typed_wrong = client.post("/v1/auth/login", json={"handle": canaries["handle"], "password": "x"})
        bad_bearer = me(client, canaries["wrong"])
        misplaced = client.get(
            "/v1/tasks", params={"token": canaries["wrong"]}, headers={"Authorization": f"Bearer {bob.token}"}
        )
        headers = {"Authorization": f"Bearer {pair['access_token']}", "Idempotency-Key": "canary"}
        created = client.post("/v1/tokens", json={"name": "canary"}, headers=headers)
        canaries |= {"token": created.json()["token"]}
        assert client.post("/v1/tokens", json={"name": "canary"}, headers=headers).json() == created.json()
        code = manage(live_gateway, "sign-in-code", "bob")
        opened = client.post("/v1/auth/session", json={"code": code})
        canaries |= {"code": code, "csrf": opened.json()["csrf_token"], "cookie": min(client.cookies.items())[1]}
        client.post("/v1/users/me/password", json={"new_password": PASSWORD, "current_password": canaries["password"]},
                    headers={"Authorization": f"Bearer {pair['access_token']}"})  # fmt: skip
    for problem in (refused, typed_wrong, bad_bearer, misplaced):
        assert not [name for name, value in canaries.items() if value in problem.text]
    places = {
        "database": _everything_stored(database),
        "logs": "".join(path.read_text(errors="replace") for path in (live_gateway.data_dir / "logs").iterdir()),
        "postgres log": "".join(path.read_text(errors="replace") for path in live_gateway.data_dir.rglob("*.log")),
        "processes": _argv_and_environments(live_gateway),
    }
    found = [(name, place) for name, value in canaries.items() for place, text in places.items() if value in text]
    assert found == []


def _everything_stored(database: Database) -> str:
    tables = database.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    rows = [json.dumps(database.rows(f'SELECT t::text AS row FROM "{table["table_name"]}" t')) for table in tables]
    bytes_too = [
        row
        for table, column in (("idempotency_keys", "body"), ("session_tokens", "hash"), ("api_tokens", "hash"))
        for row in database.rows(f"SELECT encode({column}, 'escape') AS row FROM {table}")
    ]
    return "\n".join(rows) + json.dumps(bytes_too)


def _argv_and_environments(gateway: LiveGateway) -> str:
    import psutil

    assert gateway.process is not None
    top = psutil.Process(gateway.process.pid)
    return "\n".join(f"{process.cmdline()} {process.environ()}" for process in [top, *top.children(recursive=True)])
