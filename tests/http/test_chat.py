"""Chat threads over HTTP, and what completions leave in them."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Person, assert_problem, new_person
from tests.openai.conftest import Upstream, streams, upstream  # noqa: F401 - a fixture
from tests.providers.scripted_server import Exchange


def chunk(words: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": finish}
    return (
        b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"
    )


@pytest.fixture(scope="module")
def person(live_gateway: LiveGateway) -> Person:
    return new_person(live_gateway, "chatter")


def messages(person: Person, thread_id: str) -> list[dict[str, Any]]:
    return person.call("GET", f"/v1/chat/threads/{thread_id}/messages").json()["items"]  # type: ignore[no-any-return]


def complete(person: Person, model: str, words: str, **headers: str) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": words}]}
    return person.call("POST", "/v1/chat/completions", json=body, headers=headers)


def test_a_thread_is_made_read_changed_and_deleted(person: Person) -> None:
    made = person.call("POST", "/v1/chat/threads", json={"title": "Plans"})
    assert made.status_code == 201
    path = made.headers["Location"]
    said = person.call("POST", f"{path}/messages", json={"text": "note one"})
    second = person.call("POST", f"{path}/messages", json={"content": "note two", "role": "assistant"})
    assert_problem(person.call("POST", f"{path}/messages", json={"text": "a", "content": "b"}), 422)
    assert (said.status_code, second.json()["parent_id"]) == (201, said.json()["id"])
    assert [item["text"] for item in messages(person, made.json()["id"])] == ["note one", "note two"]
    etag = person.call("GET", path).headers["ETag"]
    changed = person.call("PATCH", path, json={"title": "Old plans"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["title"]) == (200, "Old plans")
    assert_problem(person.call("PATCH", path, json={"title": "x"}, headers={"If-Match": etag}), 412)
    assert_problem(person.call("PATCH", path, json={"title": None}), 422)
    assert_problem(person.call("PATCH", path, json={"message_id": str(uuid.uuid4())}), 422)
    assert [item["id"] for item in person.call("GET", "/v1/chat/threads?q=plans").json()["items"]] == [
        made.json()["id"]
    ]
    assert person.call("DELETE", path).status_code == 204
    assert_problem(person.call("GET", path), 404, "thread_not_found")


def test_a_completion_is_stored_before_and_after_without_its_secrets(
    live_gateway: LiveGateway,
    person: Person,
    upstream: Callable[..., Upstream],  # noqa: F811
) -> None:
    secret = "AKIA" + "QWERTYUIOPASDFGH"
    server = upstream(streams(chunk("Good "), chunk("idea", "stop"), b"data: [DONE]\n\n"))
    with openai.OpenAI(base_url=f"{live_gateway.url}/v1", api_key=person.token, max_retries=0) as client:
        answer = client.chat.completions.with_raw_response.create(
            model=server.model, messages=[{"role": "user", "content": f"Use {secret} now"}], stream=True,
            extra_headers={"X-OpenWebUI-Chat-Id": "owui-1"},
        )  # fmt: skip
        text = "".join(event.choices[0].delta.content or "" for event in answer.parse() if event.choices)
    assert text == "Good idea"
    assert server.asked[-1]["messages"][0]["content"] == "Use SECRET_REDACTED now"
    thread_id = answer.headers["X-Thread-Id"]
    stored = [(item["role"], item["text"], item["status"]) for item in messages(person, thread_id)]
    assert stored == [("user", "Use SECRET_REDACTED now", "complete"), ("assistant", "Good idea", "complete")]
    assert person.call("GET", f"/v1/chat/threads/{thread_id}").json()["client_chat_id"] == "owui-1"
    records = live_gateway.call("GET", f"/v1/audit?resource=models/{server.model}").json()["items"]
    assert "secrets were taken out: 1 × aws_access_key" in {record["reason"] for record in records}


def test_a_stream_that_breaks_is_kept_as_far_as_it_came(
    person: Person,
    upstream: Callable[..., Upstream],  # noqa: F811
) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("Half an "))
        exchange.reset()

    server = upstream(cut)
    body = {"model": server.model, "stream": True, "messages": [{"role": "user", "content": "Tell me"}]}
    answer = person.call("POST", "/v1/chat/completions", json=body)
    thread_id = answer.headers["X-Thread-Id"]
    last = wait_until(lambda: (found := messages(person, thread_id)[-1])["status"] != "streaming" and found, 10)
    assert (last["text"], last["status"]) == ("Half an ", "cut")
    assert last["error"]["code"] == "inference_failed"


def test_what_a_client_asks_for_on_its_own_makes_no_thread(
    person: Person,
    upstream: Callable[..., Upstream],  # noqa: F811
) -> None:
    message = {"role": "assistant", "content": "{}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    server = upstream(lambda exchange: exchange.json({"id": "c", "object": "chat.completion", "choices": [choice]}))
    before = person.call("GET", "/v1/chat/threads").json()["items"]
    answer = complete(person, server.model, "### Task:\nGenerate tags")
    assert (answer.status_code, "X-Thread-Id" in answer.headers) == (200, False)
    assert person.call("GET", "/v1/chat/threads").json()["items"] == before


def test_a_thread_of_somebody_else_takes_no_turn(
    live_gateway: LiveGateway,
    person: Person,
    upstream: Callable[..., Upstream],  # noqa: F811
) -> None:
    server = upstream(streams(chunk("x", "stop")))
    theirs = live_gateway.call("POST", "/v1/chat/threads").json()["id"]
    answer = complete(person, server.model, "hello", **{"X-Thread-Id": theirs})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "thread_not_found")
    assert complete(person, server.model, "hello", **{"X-Thread-Id": "none"}).status_code == 422
    assert server.asked == []
    assert live_gateway.call("DELETE", f"/v1/chat/threads/{theirs}").status_code == 204


def test_messages_are_found_by_their_words(person: Person) -> None:
    thread = person.call("POST", "/v1/chat/threads").json()["id"]
    person.call("POST", f"/v1/chat/threads/{thread}/messages", json={"text": "The quokka smiles at tourists."})
    [hit] = person.call("GET", "/v1/chat/messages?q=quokka").json()["items"]
    assert (hit["thread_id"], hit["snippet"]) == (thread, "The «quokka» smiles at tourists.")
    assert person.call("GET", "/v1/chat/messages?q=quokka+penguin").json()["items"] == []
    assert_problem(person.call("GET", "/v1/chat/messages"), 422, field="q")


def test_the_last_word_that_is_looked_for_may_be_only_begun(person: Person) -> None:
    thread = person.call("POST", "/v1/chat/threads", json={"title": "Lighthouses"}).json()["id"]
    person.call("POST", f"/v1/chat/threads/{thread}/messages", json={"text": "The quokka smiles at tourists."})
    for words, is_there in {
        "quo": True, "smiles tour": True, "quokka & tour": True, '"quokka smiles" tour': True, "wombat or quokka": True,
        "smi tourists": False, "quo ": False, "-quokka": False, "tour -smiles": False, "-smiles tour": False,
        '"quokka smi': False, "wombat or quo": False, "_": False, "quo's": False, "the_quo": True,
    }.items():  # fmt: skip
        found = person.call("GET", "/v1/chat/messages", params={"q": words, "thread_id": thread})
        assert (found.status_code, bool(found.json()["items"])) == (200, is_there), words
    assert [each["id"] for each in person.call("GET", "/v1/chat/threads?q=light").json()["items"]] == [thread]
