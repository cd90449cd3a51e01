"""Limits in front of every request, on the queue, and on what model calls spend."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
import websocket

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Person, assert_problem

STREAM = "/v1/events/stream"


@contextmanager
def setting(gateway: LiveGateway, key: str, value: int) -> Iterator[None]:
    """One setting changed for a while."""
    assert gateway.call("PUT", f"/v1/settings/{key}", json={"value": value}).status_code == 200
    try:
        yield
    finally:
        assert gateway.call("DELETE", f"/v1/settings/{key}").status_code == 204


@pytest.fixture
def person(fresh_person: Callable[[], Person]) -> Person:
    """Someone who has used nothing yet."""
    return fresh_person()


def test_every_answer_tells_where_the_caller_stands(person: Person) -> None:
    first, second = (person.call("GET", "/v1/users/me") for _ in range(2))
    assert first.headers["RateLimit-Limit"] == "60000"
    assert int(second.headers["RateLimit-Remaining"]) <= int(first.headers["RateLimit-Remaining"]) < 60000
    assert int(first.headers["RateLimit-Reset"]) >= 1


@pytest.mark.parametrize("key", ["limits.requests_per_minute", "limits.token_requests_per_minute"])
def test_who_asks_too_often_is_told_when_to_come_back(live_gateway: LiveGateway, person: Person, key: str) -> None:
    with setting(live_gateway, key, 20):
        answers = [person.call("GET", "/v1/users/me") for _ in range(22)]
        assert [answer.status_code for answer in answers[:20]] == [200] * 20
        assert_problem(answers[-1], 429, "rate_limited")
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3
        assert answers[-1].headers["RateLimit-Limit"] == "20"
        assert answers[-1].headers["RateLimit-Remaining"] == "0"
        assert person.gateway.http.get(live_gateway.url + "/healthz").status_code == 200
        assert live_gateway.call("GET", "/v1/users/me").status_code == 200, "others are not held up"
    assert person.call("GET", "/v1/users/me").status_code == 200


@pytest.mark.parametrize("key", ["limits.open_streams", "limits.token_open_streams"])
def test_streams_and_sockets_share_a_number_of_places(live_gateway: LiveGateway, person: Person, key: str) -> None:
    headers = {"Authorization": f"Bearer {person.token}"}
    with setting(live_gateway, key, 2), ExitStack() as stack:
        http = stack.enter_context(httpx.Client(trust_env=False, timeout=20, headers=headers))
        stream = http.stream("GET", live_gateway.url + STREAM)
        assert stack.enter_context(stream).status_code == 200
        socket = _connect(person)
        assert_problem(person.call("GET", STREAM), 429, "too_many_streams")
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            _connect(person)
        assert refused.value.status_code == 429
        assert person.call("GET", "/v1/users/me").status_code == 200
        socket.close()
        wait_until(lambda: _opens(person), 20)


def test_only_so_many_requests_are_answered_at_once(live_gateway: LiveGateway, person: Person) -> None:
    """A body that does not arrive keeps its request open."""
    with setting(live_gateway, "limits.concurrent_requests", 1):
        arrived: list[Any] = []

        def slowly() -> Iterator[bytes]:
            yield b"x"
            time.sleep(1)  # a look that is answered while the upload arrives would take its place
            arrived.append(wait_until(lambda: _refused(person), 10))

        with httpx.Client(trust_env=False, timeout=20, headers={"Authorization": f"Bearer {person.token}"}) as http:
            upload = http.post(live_gateway.url + "/v1/artifacts?filename=slow", content=slowly())
        assert upload.status_code == 201
        assert_problem(arrived[0], 429, "too_many_concurrent")
        assert arrived[0].headers["Retry-After"] == "1"
        assert person.call("GET", "/v1/users/me").status_code == 200


def test_a_download_gives_its_place_back(live_gateway: LiveGateway, person: Person) -> None:
    made = person.call("POST", "/v1/artifacts?filename=short", content=b"bytes").json()
    with setting(live_gateway, "limits.concurrent_requests", 1):
        for _ in range(3):
            assert person.call("GET", f"/v1/artifacts/{made['id']}/content").content == b"bytes"
            assert person.call("HEAD", f"/v1/artifacts/{made['id']}/content").status_code == 200
            assert person.call("GET", "/v1/users/me").status_code == 200


def test_one_user_does_not_fill_the_queue(live_gateway: LiveGateway, person: Person) -> None:
    with setting(live_gateway, "limits.queue_share", 2):
        made = [person.call("POST", "/v1/tasks", json={"commands": ["sleep 30"]}).json()["id"] for _ in range(2)]
        full = person.call("POST", "/v1/tasks", json={"commands": ["true"]})
        assert_problem(full, 429, "queue_full")
        assert int(full.headers["Retry-After"]) >= 1
        live_gateway.submit(commands=["true"])
        for task_id in made:
            assert person.call("POST", f"/v1/tasks/{task_id}/cancel").status_code == 200
        assert person.call("POST", "/v1/tasks", json={"commands": ["true"]}).status_code == 201


def test_a_prompt_past_its_spend_limit_fails_and_names_it(live_gateway: LiveGateway, person: Person) -> None:
    me = person.call("GET", "/v1/users/me").json()["id"]
    limit = {"subject_type": "user", "subject_id": me, "window": "day", "max_requests": 0}
    made = live_gateway.call("POST", "/v1/spend-limits", json=limit)
    assert made.status_code == 201
    assert_problem(live_gateway.call("POST", "/v1/spend-limits", json=limit), 409, "limit_exists")
    task = person.call("POST", "/v1/tasks", json={"prompt": "Hello"}).json()
    ended = live_gateway.wait(task["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "spend_limit_reached")
    assert f"the user {me} (0 requests a day)" in ended["error"]["message"]
    assert live_gateway.call("DELETE", made.headers["Location"]).status_code == 204


def test_a_prompts_tokens_are_counted(live_gateway: LiveGateway, person: Person) -> None:
    me = person.call("GET", "/v1/users/me").json()["id"]
    limit = {"subject_type": "user", "subject_id": me, "window": "month", "max_tokens": 100_000}
    made = live_gateway.call("POST", "/v1/spend-limits", json=limit)
    patched = live_gateway.call("PATCH", made.headers["Location"], json={"max_requests": 5})
    assert (patched.json()["max_requests"], patched.json()["version"]) == (5, 2)
    task = person.call("POST", "/v1/tasks", json={"prompt": "Say hi in one word."}).json()
    assert live_gateway.wait(task["id"], timeout_s=110)["status"] == "completed"
    [usage] = person.call("GET", f"/v1/usage?subject_type=user&subject_id={me}").json()["items"]
    assert usage["used"]["requests"] == 1
    assert 5 <= usage["used"]["tokens"] < 100_000
    assert usage["reserved"] == {"requests": 0, "tokens": 0, "cost_micros": 0}
    assert usage["limit"]["id"] == made.json()["id"]
    lines = live_gateway.call("GET", "/metrics").text.splitlines()
    labels = (me, 'unit="tokens"', 'state="used"')
    [line] = [line for line in lines if all(label in line for label in labels)]
    assert float(line.split()[-1]) == usage["used"]["tokens"]
    assert live_gateway.call("DELETE", made.headers["Location"]).status_code == 204
    assert person.call("GET", "/v1/usage").json()["items"] == []


def _connect(person: Person) -> websocket.WebSocket:
    return websocket.create_connection(
        person.gateway.url.replace("http", "ws") + "/v1/events/ws",
        header=[f"Authorization: Bearer {person.token}"],
        suppress_origin=True,
        timeout=10,
    )


def _opens(person: Person) -> bool:
    try:
        _connect(person).close()
    except websocket.WebSocketBadStatusException:
        return False
    return True


def _refused(person: Person) -> httpx.Response | None:
    answer = person.call("GET", "/v1/users/me")
    return answer if answer.status_code == 429 else None
