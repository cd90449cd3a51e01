"""`orchestrator` as a chat model: each turn is a prompt task of the agent, told as OpenAI's protocol tells a model."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest

from tests.agents.scripted_model import Reply, Script, call, scripted, setting
from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import rows
from tests.openai.conftest import Upstream

SAID: Any = [{"role": "user", "content": "What is 6 times 7?"}]
REPLIES: list[Reply] = [[call("run_command", command="echo $((6 * 7))")], "It is 42."]


@contextmanager
def orchestrator(gateway: LiveGateway, replies: list[Reply], **options: Any) -> Iterator[Script]:
    """The agent with a scripted model behind it."""
    with scripted(gateway, replies, **options) as script, setting(gateway, "chat.default_model", script.model):
        yield script


def complete(gateway: LiveGateway, messages: Any = SAID, headers: dict[str, str] | None = None, **body: Any) -> Any:
    wish = {"model": "orchestrator", "messages": messages, **body}
    return gateway.call("POST", "/v1/chat/completions", json=wish, headers=headers or {}, timeout=60)


@pytest.fixture
def client(live_gateway: LiveGateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{live_gateway.url}/v1", api_key=live_gateway.token, max_retries=0)


def answer_of(gateway: LiveGateway, thread_id: str, task_id: str) -> dict[str, Any] | None:
    """The message that came of a task, however long the thread has grown by other tests; None while there is none."""
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
        page = gateway.call("GET", f"/v1/chat/threads/{thread_id}/messages", params=query).json()
        if found := [item for item in page["items"] if item["task_id"] == task_id and item["role"] == "assistant"]:
            return dict(found[-1])
        cursor = page["next_cursor"]
    return None


def test_a_turn_is_a_task_whose_tools_run_in_the_sandbox(live_gateway: LiveGateway) -> None:
    with orchestrator(live_gateway, REPLIES) as script:
        answer = complete(live_gateway)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["model"] == "orchestrator"
    assert told["choices"][0]["message"] == {"role": "assistant", "content": "It is 42."}
    assert told["choices"][0]["finish_reason"] == "stop"
    assert told["usage"] == {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    assert "42" in script.tool_answers()[0]
    task = live_gateway.call("GET", f"/v1/tasks/{answer.headers['X-Task-Id']}").json()
    assert (task["status"], task["prompt"], task["tags"]) == ("completed", "What is 6 times 7?", ["chat"])
    stored = answer_of(live_gateway, answer.headers["X-Thread-Id"], task["id"])
    assert (stored["status"], stored["task_id"], stored["text"]) == ("complete", task["id"], "It is 42.")


def test_a_stream_tells_all_that_the_agent_says(live_gateway: LiveGateway, client: openai.OpenAI) -> None:
    with orchestrator(live_gateway, REPLIES):
        chunks = list(
            client.chat.completions.create(
                model="orchestrator", messages=SAID, stream=True, stream_options={"include_usage": True}
            )
        )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "It is 42."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 30


def test_the_agent_hears_what_was_said_before(live_gateway: LiveGateway) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "I am Ada."},
        {"role": "assistant", "content": "Hello, Ada."},
        {"role": "user", "content": "Who am I?"},
    ]
    documents = "### Task:\nUse the context.\n<context>\n<source>Ada wrote it.</source>\n</context>\n\nWho wrote it?"
    with orchestrator(live_gateway, ["Ada."]) as script:
        assert complete(live_gateway, messages).status_code == 200
        about = complete(live_gateway, [{"role": "user", "content": documents}])
    heard = [(message["role"], message["content"]) for message in script.asked[0]["messages"]]
    assert [each for each in heard if each[0] != "system"] == [
        ("user", "I am Ada."), ("assistant", "Hello, Ada."), ("user", "Who am I?"),
    ]  # fmt: skip
    assert ("system", "Be brief.") in heard
    task = live_gateway.call("GET", f"/v1/tasks/{about.headers['X-Task-Id']}").json()
    assert (task["prompt"], script.asked[1]["messages"][-1]["content"]) == ("Who wrote it?", documents)
    fed = rows(live_gateway, f"SELECT source FROM agent_sources WHERE task_id = '{task['id']}'")
    assert fed == [("client:documents",)]


@pytest.mark.parametrize("asked", [
    {"response_format": {"type": "json_object"}},
    {"n": 2},
    {"messages": [{"role": "user", "content": "### Task:\nGenerate a title."}]},
], ids=["a shape", "two answers", "a background request"])  # fmt: skip
def test_what_only_a_model_can_give_comes_from_the_model(live_gateway: LiveGateway, asked: dict[str, Any]) -> None:
    with orchestrator(live_gateway, ["{}"]) as script:
        answer = complete(live_gateway, **{"messages": SAID, **asked})
    assert answer.status_code == 200, answer.text
    assert "X-Task-Id" not in answer.headers
    assert "tools" not in script.asked[0]


def test_a_failed_task_is_an_error_before_anything_was_said(
    live_gateway: LiveGateway, upstream: Callable[..., Upstream]
) -> None:
    model = upstream(lambda exchange: exchange.json({"error": {"message": "out of order"}}, 400)).model
    with setting(live_gateway, "chat.default_model", model):
        whole = complete(live_gateway)
        streamed = complete(live_gateway, stream=True)
    for answer in (whole, streamed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "inference_failed")
        assert "out of order" in answer.json()["error"]["message"]


def test_a_model_that_is_not_there_is_named_before_a_task_is_made(live_gateway: LiveGateway) -> None:
    with setting(live_gateway, "chat.default_model", "nobody/nothing-70b"):
        answer = complete(live_gateway)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert "nobody/nothing-70b" in answer.json()["error"]["message"]


def test_a_canceled_task_ends_the_answer_with_an_event(live_gateway: LiveGateway) -> None:
    replies: list[Reply] = [[call("run_command", command="sleep 60")], "never"]
    with orchestrator(live_gateway, replies), _stream(live_gateway) as stream:
        task_id = stream.headers["X-Task-Id"]
        assert live_gateway.call("POST", f"/v1/tasks/{task_id}/cancel").status_code == 200
        events = [line for line in stream.iter_lines() if line.startswith("data: ")]
    assert json.loads(events[-2].removeprefix("data: "))["error"]["code"] == "request_canceled"
    assert events[-1] == "data: [DONE]"


def test_a_client_that_goes_cancels_the_task(live_gateway: LiveGateway) -> None:
    replies: list[Reply] = [[call("run_command", command="sleep 60")], "never"]
    with orchestrator(live_gateway, replies):
        with _stream(live_gateway) as stream:
            task_id, thread_id = stream.headers["X-Task-Id"], stream.headers["X-Thread-Id"]
        _ends(live_gateway, task_id, "canceled")
    answer = wait_until(lambda: answer_of(live_gateway, thread_id, task_id), 20)
    assert answer["status"] in ("cut", "failed")


def test_a_kept_answer_goes_on_without_its_reader(live_gateway: LiveGateway) -> None:
    replies: list[Reply] = [[call("run_command", command="sleep 2; echo 42")], "It is 42."]
    name = f"kept-{time.monotonic_ns()}"
    with orchestrator(live_gateway, replies):
        with _stream(live_gateway, {"X-Keep-As": name}) as stream:
            task_id = stream.headers["X-Task-Id"]
        _ends(live_gateway, task_id, "completed")
        read = live_gateway.call("GET", f"/v1/chat/answers/{name}", timeout=20)
    *chunks, end = [line.removeprefix("data: ") for line in read.text.splitlines() if line.startswith("data: ")]
    deltas = [choice["delta"] for chunk in chunks for choice in json.loads(chunk)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "It is 42."
    assert end == "[DONE]"


def test_a_slow_agent_is_stopped_at_the_limit(live_gateway: LiveGateway) -> None:
    replies: list[Reply] = [[call("run_command", command="sleep 60")], "never"]
    with orchestrator(live_gateway, replies), setting(live_gateway, "chat.timeout_s", 3.0):
        answer = complete(live_gateway)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "completion_timeout")


@contextmanager
def _stream(gateway: LiveGateway, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
    """A stream that has begun, and is left open until the end."""
    wish = {"model": "orchestrator", "messages": SAID, "stream": True}
    sent = {"Authorization": f"Bearer {gateway.token}", **(headers or {})}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=wish, headers=sent, timeout=60) as stream:
        assert stream.status_code == 200
        yield stream


def _ends(gateway: LiveGateway, task_id: str, status: str) -> None:
    wait_until(lambda: gateway.task(task_id)["status"] == status, 15)
