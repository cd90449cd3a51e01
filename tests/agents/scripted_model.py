"""A model server that plays a script: what it replies to each request, in turn, tool calls included."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import LiveGateway
from tests.providers.scripted_server import DONE, Exchange, chunk, scripted_server

Reply = str | list[dict[str, Any]] | Callable[[dict[str, Any]], "str | list[dict[str, Any]]"]
"""A text, tool calls, or what makes one of a request."""


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A tool call."""
    return {"name": name, "arguments": json.dumps(arguments)}


@dataclass
class Script:
    """`model` is its name in the gateway; `asked` are the requests that it got."""

    model: str
    asked: list[dict[str, Any]] = field(default_factory=list)

    def tool_answers(self) -> list[str]:
        """What tools answered, as the last request tells it."""
        return [m["content"] for m in self.asked[-1]["messages"] if m["role"] == "tool"]


@contextmanager
def setting(gateway: LiveGateway, key: str, value: object) -> Iterator[None]:
    """An operator setting for a while."""
    assert gateway.call("PUT", f"/v1/settings/{key}", json={"value": value}).status_code == 200
    time.sleep(1.1)  # a node may be a second behind
    try:
        yield
    finally:
        gateway.call("DELETE", f"/v1/settings/{key}")


@contextmanager
def scripted(gateway: LiveGateway, replies: Sequence[Reply], *, knows_tools: bool = True) -> Iterator[Script]:
    """A provider of a model that gives `replies` in turn, and the last one for ever."""
    script = Script(f"script-{uuid.uuid4().hex[:8]}/writer-70b")

    def answer(exchange: Exchange) -> None:
        if exchange.path.endswith("/models"):
            exchange.json({"object": "list", "data": [{"id": "writer-70b"}]})
            return
        body = json.loads(exchange.body)
        if body.get("tools") and not knows_tools:
            exchange.json({"error": {"message": "this model does not support tools"}}, 400)
            return
        script.asked.append(body)
        reply = replies[min(len(script.asked), len(replies)) - 1]
        reply = reply(body) if callable(reply) else reply
        if body.get("stream"):
            _stream(exchange, reply)
        else:
            exchange.json(_whole(reply))

    with scripted_server(answer) as server:
        wish = {"name": script.model.partition("/")[0], "kind": "openai_compatible", "base_url": f"{server.url}/v1"}
        made = gateway.call("POST", "/v1/providers", json=wish)
        assert made.status_code == 201, made.text
        try:
            yield script
        finally:
            gateway.call("DELETE", made.headers["Location"])


def _calls(reply: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # The same ids in every reply, as some servers have them.
    return [{"index": n, "id": f"call_{n}", "type": "function", "function": each} for n, each in enumerate(reply)]


def _stream(exchange: Exchange, reply: str | list[dict[str, Any]]) -> None:
    exchange.begin()
    if isinstance(reply, str):
        for piece in (reply[: len(reply) // 2], reply[len(reply) // 2 :]):
            exchange.write(chunk(piece))
        exchange.write(chunk(finish_reason="stop"))
    else:
        delta = {"role": "assistant", "tool_calls": _calls(reply)}
        value = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        exchange.write(b"data: " + json.dumps(value).encode() + b"\n\n")
        exchange.write(chunk(finish_reason="tool_calls"))
    exchange.write(chunk(usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}))
    exchange.write(DONE)


def _whole(reply: str | list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply if isinstance(reply, str) else None}
    if not isinstance(reply, str):
        message["tool_calls"] = _calls(reply)
    return {
        "id": "x", "object": "chat.completion", "created": 1, "model": "writer-70b",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }  # fmt: skip
