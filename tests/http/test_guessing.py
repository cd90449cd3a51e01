"""Guessing is slowed: for each handle and address, loopback too, over HTTP and WebSocket; the real user gets in."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import websocket
from flask import Flask

from gateway.core.errors import TooMany
from gateway.features.identity.authentication import GUESSES_A_MINUTE, slow_down
from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, assert_problem, at_own_address, manage

NEW_PASSWORD = "quite another password"


def guess(client: httpx.Client, person: Person, password: str) -> httpx.Response:
    """One attempt to sign in."""
    return client.post("/v1/auth/login", json={"handle": person.handle, "password": password})


def exhaust(database: Database, attempt: Callable[[int], httpx.Response]) -> list[int]:
    """Guesses until it has to wait, and makes that wait longer than the test takes; returns each answer's status."""
    [(before,)] = [row.values() for row in database.rows("SELECT now()")]
    codes = [attempt(0).status_code]
    while codes[-1] != 429:
        codes.append(attempt(len(codes)).status_code)
    database.run(
        "UPDATE sign_in_delays SET wait_until = wait_until + interval '60 seconds'"
        " WHERE tried_at > :before AND wait_until > tried_at",
        before=before,
    )
    return codes


def test_guessing_is_slowed_for_hundreds_of_wrong_passwords(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    """The quick variant of 10,000: every way to send a password, from loopback."""
    person = fresh_person()
    began = time.monotonic()
    with at_own_address(base_url=live_gateway.url) as guesser:
        answers = [
            guesser.post(path, json={"handle": person.handle, "password": f"guess number {number}"})
            for number in range(200)
            for path in ("/v1/auth/login", "/v1/auth/session")
        ]
    minutes = 1 + (time.monotonic() - began) // 60
    judged = [answer for answer in answers if answer.status_code == 401]
    assert 1 <= len(judged) <= 20 * minutes
    assert len(judged) < 15, "the waits grow"
    slowed = answers[-1]
    assert_problem(slowed, 429, "too_many_requests")
    assert slowed.headers["RateLimit-Limit"] == "20"
    assert slowed.headers["RateLimit-Remaining"] == "0"
    assert 1 <= int(slowed.headers["Retry-After"]) == int(slowed.headers["RateLimit-Reset"])


def test_one_machine_has_one_budget_for_wrong_tokens_however_many_addresses_it_has(app: Flask) -> None:
    """By IPv6 it has a whole network of them."""

    def guesses_from(address: str) -> None:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            slow_down(f"wrong, from {address}")

    for number in range(GUESSES_A_MINUTE):
        guesses_from(f"2001:db8:0:7::{number:x}")
    with pytest.raises(TooMany):
        guesses_from("2001:db8:0:7:1::")
    guesses_from("2001:db8:0:8::")


def test_a_handle_is_guarded_against_many_addresses_at_once(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    person = fresh_person()
    codes = []
    for number in range(12):
        with at_own_address(base_url=live_gateway.url) as guesser:
            codes += [guess(guesser, person, f"guess {number} {again}").status_code for again in range(3)]
    assert set(codes) == {401, 429}
    assert 15 <= codes.count(401) <= 20


def test_the_real_user_still_gets_in_while_a_stranger_guesses(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person], database: Database
) -> None:
    person = fresh_person()
    with at_own_address(base_url=live_gateway.url) as here, at_own_address(base_url=live_gateway.url) as elsewhere:
        signed_in = guess(here, person, person.password).json()
        known_device = dict(here.cookies)
        assert [name for name in known_device if name.endswith("_device")]
        here.cookies.clear()
        exhaust(database, lambda number: guess(here, person, f"guess {number}"))
        assert_problem(guess(here, person, person.password), 429)
        # From another address, by a session, by an API token, by a one-time code …
        assert guess(elsewhere, person, person.password).status_code == 200
        for token in (signed_in["access_token"], person.token):
            assert here.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        code = manage(live_gateway, "sign-in-code", person.handle)
        assert here.post("/v1/auth/session", json={"code": code}).status_code == 200
        # … and from the same address with the password, on a device that is known.
        here.cookies.clear()
        assert_problem(guess(here, person, person.password), 429)
        here.cookies.update(known_device)
        assert guess(here, person, person.password).status_code == 200


def test_a_known_device_helps_its_own_user_alone_and_has_to_wait_as_well(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person], database: Database
) -> None:
    mine, theirs = fresh_person(), fresh_person()
    with at_own_address(base_url=live_gateway.url) as client:
        assert guess(client, mine, mine.password).status_code == 200
        exhaust(database, lambda number: guess(client, theirs, f"guess {number}"))
        assert_problem(guess(client, theirs, theirs.password), 429)
        assert guess(client, mine, mine.password).status_code == 200, "their counter is not mine"
        assert_problem(guess(client, theirs, theirs.password), 429), "and mine frees nobody else's"
        codes = exhaust(database, lambda number: guess(client, mine, f"guess {number}"))
        assert codes[:5] == [401] * 5, "the device has to wait as well"
        [name] = [name for name in client.cookies if name.endswith("_device")]
        value = client.cookies[name]
        client.cookies.clear()
        for forged in (value[:-1] + ("0" if value[-1] != "0" else "1"), "9" * 20, "x.y", "", value.split(".")[0]):
            refused = client.post(
                "/v1/auth/login",
                json={"handle": mine.handle, "password": mine.password},
                headers={"Cookie": f"{name}={forged}"},
            )
            assert refused.status_code == 429, "a forged device is a stranger"


def test_signing_in_between_two_guesses_gives_no_fresh_budget(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    guesser, victim = fresh_person(), fresh_person()
    with at_own_address(base_url=live_gateway.url) as client:
        judged = 0
        for number in range(20):
            guess(client, guesser, guesser.password)
            client.cookies.clear()
            judged += guess(client, victim, f"guess {number}").status_code == 401
        assert judged <= 7


def test_the_password_form_behind_a_sign_in_is_no_way_around_it(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person], database: Database
) -> None:
    person = fresh_person()
    headers = {"Authorization": f"Bearer {person.token}"}
    with at_own_address(base_url=live_gateway.url) as client:

        def change(current: str) -> httpx.Response:
            body = {"new_password": NEW_PASSWORD, "current_password": current}
            return client.post("/v1/users/me/password", json=body, headers=headers)

        codes = exhaust(database, lambda number: change(f"guess {number}"))
        assert codes[:5] == [422] * 5
        assert_problem(change(person.password), 429)
    with at_own_address(base_url=live_gateway.url) as client:
        assert_problem(change(person.password), 429, "too_many_requests")


def test_what_is_counted_names_nobody(live_gateway: LiveGateway, database: Database) -> None:
    with at_own_address(base_url=live_gateway.url) as client:
        client.post("/v1/auth/login", json={"handle": "my-secret-password", "password": "x" * 9})
    rows = str(database.rows("SELECT key, failures FROM sign_in_delays"))
    assert "my-secret" not in rows
    assert "127.77" not in rows


@pytest.mark.parametrize("what", ["bearer", "code", "refresh", "launch key"])
def test_guessing_tokens_and_codes_is_slowed_and_the_right_one_still_works(
    live_gateway: LiveGateway, bob: Person, what: str
) -> None:
    with at_own_address(base_url=live_gateway.url) as guesser:

        def attempt(number: int) -> httpx.Response:
            wrong = f"wrong-{number}"
            if what == "bearer":
                return guesser.get("/v1/users/me", headers={"Authorization": f"Bearer {wrong}"})
            path, field = {
                "code": ("/v1/auth/session", "code"),
                "refresh": ("/v1/auth/refresh", "refresh_token"),
                "launch key": ("/v1/auth/codes", "key"),
            }[what]
            return guesser.post(path, json={field: wrong})

        statuses = [attempt(number).status_code for number in range(150 if what == "bearer" else 60)]
        assert statuses == [401] * 20 + [429] * (len(statuses) - 20)
        slowed = attempt(-1)
        assert_problem(slowed, 429, "too_many_requests")
        assert int(slowed.headers["Retry-After"]) >= 1
        headers = {"Authorization": f"Bearer {bob.token}"}
        assert guesser.get("/v1/users/me", headers=headers).status_code == 200
        code = manage(live_gateway, "sign-in-code", "bob")
        assert guesser.post("/v1/auth/session", json={"code": code}).status_code == 200


def test_guessing_tokens_over_websocket_is_slowed(live_gateway: LiveGateway) -> None:
    statuses = [_handshake(live_gateway, f"wrong-{number}", "127.88.0.1") for number in range(60)]
    assert statuses.count(401) <= 20
    assert set(statuses[20:]) == {429}


def _handshake(gateway: LiveGateway, token: str, address: str) -> int:
    """The status that refuses a WebSocket with a wrong token."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=10, source_address=(address, 0)) as connection,
        pytest.raises(websocket.WebSocketBadStatusException) as refused,
    ):
        websocket.create_connection(
            gateway.url.replace("http", "ws") + "/v1/events/ws",
            header=[f"Authorization: Bearer {token}"], suppress_origin=True, socket=connection,
        )  # fmt: skip
    return int(refused.value.status_code)


def test_one_stale_token_again_and_again_is_no_guessing(live_gateway: LiveGateway) -> None:
    with at_own_address(base_url=live_gateway.url) as client:
        headers = {"Authorization": "Bearer long-gone"}
        assert {client.get("/v1/users/me", headers=headers).status_code for _ in range(50)} == {401}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_of_ten_thousand_wrong_passwords_and_tokens_at_most_twenty_a_minute_are_judged(
    live_gateway: LiveGateway, fresh_person: Callable[[], Person]
) -> None:
    """From loopback, over HTTP and WebSocket, each way at an address of its own and all at the same time."""
    person = fresh_person()
    began = time.monotonic()

    def passwords() -> list[int]:
        with at_own_address(base_url=live_gateway.url) as client:
            return [guess(client, person, f"guess {number}").status_code for number in range(4_000)]

    def tokens() -> list[int]:
        with at_own_address(base_url=live_gateway.url) as client:
            headers = ({"Authorization": f"Bearer uga_guess-{number}"} for number in range(4_000))
            return [client.get("/v1/users/me", headers=each).status_code for each in headers]

    def sockets() -> list[int]:
        return [_handshake(live_gateway, f"guess-{number}", "127.88.0.2") for number in range(2_000)]

    with ThreadPoolExecutor(3) as pool:
        answers = [each.result() for each in [pool.submit(way) for way in (passwords, tokens, sockets)]]
        minutes = 1 + (time.monotonic() - began) // 60
    assert sum(map(len, answers)) == 10_000
    for statuses in answers:
        assert set(statuses) == {401, 429}
        assert statuses.count(401) <= 20 * minutes
    with at_own_address(base_url=live_gateway.url) as elsewhere:
        assert guess(elsewhere, person, person.password).status_code == 200
    assert person.call("GET", "/v1/users/me").status_code == 200
