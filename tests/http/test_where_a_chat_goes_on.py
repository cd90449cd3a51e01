"""Where a chat goes on is told with who calls, before the body has come: whatever changes meanwhile, and after."""

import json
import socket
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, new_person
from tests.http.test_chat import complete, messages
from tests.openai.conftest import Upstream, upstream  # noqa: F401 - a fixture

SILENCE = "UPDATE chat_threads SET last_activity_at = last_activity_at - interval '3 hours' WHERE id = :id"


@pytest.fixture
def person(live_gateway: LiveGateway) -> Person:
    return new_person(live_gateway, f"goer-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def model(upstream: Callable[..., Upstream]) -> Upstream:  # noqa: F811 - the fixture
    choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
    return upstream(lambda exchange: exchange.json({"id": "c", "object": "chat.completion", "choices": [choice]}))


def begun(person: Person) -> socket.socket:
    """A completion of which only the head has come, so that its caller is known already."""
    url = urlsplit(person.gateway.url)
    opened = socket.create_connection((url.hostname, url.port), timeout=30)
    lines = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {person.token}\r\n"
        "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
    )
    opened.sendall(lines.encode())
    assert opened.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n", "the body is waited for"
    return opened


def goes_on(opened: socket.socket, model: str, words: str) -> tuple[int, str, Any]:
    """Sends the body; the status, the thread and the body of the answer."""
    with closing(opened):
        answer = sends(opened, {"model": model, "messages": [{"role": "user", "content": words}]})
        return answer.status, answer.headers["X-Thread-Id"], json.load(answer)


def sends(opened: socket.socket, body: dict[str, Any]) -> HTTPResponse:
    """The answer, of which the head has come."""
    opened.sendall(json.dumps(body).ljust(1000).encode())
    answer = HTTPResponse(opened)
    answer.begin()
    return answer


def said(person: Person, thread_id: str) -> list[str]:
    return [message["text"] for message in messages(person, thread_id) if message["role"] == "user"]


def test_a_thread_that_is_deleted_meanwhile_is_followed_by_one_for_all(
    person: Person, model: Upstream, database: Database
) -> None:
    first = complete(person, model.model, "one").headers["X-Thread-Id"]
    opened = [begun(person) for _ in range(4)]
    assert person.call("DELETE", f"/v1/chat/threads/{first}").status_code == 204
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(goes_on, opened, [model.model] * 4, ["two", "three", "four", "five"]))
    assert [status for status, *_ in ended] == [200] * 4
    [thread_id] = {thread_id for _, thread_id, _ in ended}
    assert thread_id != first
    assert sorted(said(person, thread_id)) == ["five", "four", "three", "two"]
    assert {message["status"] for message in messages(person, thread_id)} == {"complete"}
    uses = "SELECT count(*) FROM audit_records WHERE action = :action AND actor = :actor AND decision = 'allow'"
    for action in ("models.use", "threads.write"):
        [row] = database.rows(uses, action=action, actor=person.handle)
        assert row["count"] == 5, "each is recorded once"
    told = "SELECT DISTINCT data->>'thread_id' id FROM events WHERE name = 'message.created' AND actor = :actor"
    assert {row["id"] for row in database.rows(told, actor=person.handle)} == {first, thread_id}


def test_a_call_that_a_limit_binds_begins_a_thread_anew_too(person: Person, model: Upstream) -> None:
    """It reads what was spent, and so is stored where it is decided on."""
    first = complete(person, model.model, "one").headers["X-Thread-Id"]
    me = person.call("GET", "/v1/users/me").json()["id"]
    wish = {"subject_type": "user", "subject_id": me, "window": "month", "max_requests": 1000}
    limit = person.gateway.call("POST", "/v1/spend-limits", json=wish).json()["id"]
    opened = begun(person)
    assert person.call("DELETE", f"/v1/chat/threads/{first}").status_code == 204
    status, thread_id, _ = goes_on(opened, model.model, "two")
    assert (status, said(person, thread_id)) == (200, ["two"])
    [used] = [each for each in person.call("GET", "/v1/usage").json()["items"] if each["limit"]["id"] == limit]
    assert (used["used"]["requests"], used["reserved"]["requests"]) == (1, 0)
    assert person.gateway.call("DELETE", f"/v1/spend-limits/{limit}").status_code == 204


def test_the_agent_begins_a_thread_anew_too(person: Person, model: Upstream) -> None:
    first = complete(person, model.model, "one").headers["X-Thread-Id"]
    opened = begun(person)
    assert person.call("DELETE", f"/v1/chat/threads/{first}").status_code == 204
    question = {"model": "orchestrator", "stream": True, "messages": [{"role": "user", "content": "two"}]}
    with closing(opened):
        answer = sends(opened, question)
        thread_id = answer.headers["X-Thread-Id"]
        assert (answer.status, said(person, thread_id)) == (200, ["two"])
        [task] = person.call("GET", "/v1/tasks").json()["items"]
        assert task["status"] in ("queued", "running", "completed")


def test_silence_ends_while_the_question_comes(person: Person, model: Upstream, database: Database) -> None:
    first = complete(person, model.model, "one").headers["X-Thread-Id"]
    database.run(SILENCE, id=first)
    ended = [goes_on(opened, model.model, "two") for opened in [begun(person), begun(person)]]
    assert ended[0][1] == ended[1][1] != first, "the second finds what the first has begun"


@pytest.fixture
def other_default(person: Person, database: Database) -> Callable[[], str]:
    """Makes another project the person's default, past the gateway; its id."""

    def change() -> str:
        made: str = person.call("POST", "/v1/projects", json={"slug": f"goer-{uuid.uuid4().hex[:12]}"}).json()["id"]
        of_owner = "owner_id = (SELECT id FROM users WHERE handle = :handle)"
        database.run(f"UPDATE projects SET is_default = false WHERE {of_owner}", handle=person.handle)
        database.run("UPDATE projects SET is_default = true WHERE id = :id", id=made)
        return made

    return change


def test_another_default_project_counts_at_once_whoever_made_it(
    person: Person, model: Upstream, other_default: Callable[[], str]
) -> None:
    first = complete(person, model.model, "one").headers["X-Thread-Id"]
    project_id = other_default()
    second = complete(person, model.model, "two").headers["X-Thread-Id"]
    assert person.call("GET", f"/v1/chat/threads/{second}").json()["project_id"] == project_id
    assert complete(person, model.model, "three").headers["X-Thread-Id"] == second != first


def test_a_default_project_that_takes_no_messages_is_refused_before_the_model_is_asked(
    person: Person, model: Upstream, live_gateway: LiveGateway, other_default: Callable[[], str]
) -> None:
    project_id = other_default()
    assert complete(person, model.model, "one").status_code == 200
    user_id = person.call("GET", "/v1/users/me").json()["id"]
    rule = {
        "effect": "deny", "subject": f"user:{user_id}", "action": "threads.write",
        "resource": f"project/{project_id}",
    }  # fmt: skip
    made = live_gateway.call("POST", "/v1/policy-rules", json=rule)
    assert made.status_code == 201, made.text
    try:
        refused = complete(person, model.model, "two")
        assert refused.status_code == 403, refused.text
        assert len(model.asked) == 1
    finally:
        live_gateway.call("DELETE", f"/v1/policy-rules/{made.json()['id']}")
