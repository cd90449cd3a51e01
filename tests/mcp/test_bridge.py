"""The bridge between a client's pipe and the gateway answers whatever comes, and outlives it."""

import io
import json
from typing import Any

import httpx
import pytest

from gateway.commands.mcp import Bridge
from gateway.features.mcp.protocol import META, NEWEST, read

ECHO = httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": {}})


def told(monkeypatch: pytest.MonkeyPatch, messages: list[Any], answers: list[httpx.Response]) -> list[Any]:
    """What a client reads after it has sent these messages to a gateway that gives these answers."""
    monkeypatch.delenv("GATEWAY_TOKEN", raising=False)
    signed_in = httpx.Response(201, json={"csrf_token": "t"}, headers={"Set-Cookie": "session=s"})
    left = iter([signed_in, *answers])
    out = io.StringIO()
    with httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(lambda _: next(left))) as http:
        Bridge(http, lambda: "code", out).serve(io.StringIO("".join(f"{json.dumps(each)}\n" for each in messages)))
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    "odd",
    [
        {"method": "initialize", "params": [1]},
        {"method": "initialize", "params": {"_meta": "x"}},
        {"method": "initialize", "id": [1]},
        {"method": "notifications/cancelled", "params": {"requestId": [1]}},
        {"method": "notifications/cancelled", "params": "x"},
        ["no", "object"],
    ],
    ids=str,
)
def test_what_is_not_as_it_should_be_is_left_to_the_gateway(monkeypatch: pytest.MonkeyPatch, odd: Any) -> None:
    assert told(monkeypatch, [odd], [ECHO]) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


@pytest.mark.parametrize("name", ["plain", "été", " padded", "=?base64?cGxhaW4=?=", "two\nlines"])
def test_a_name_reaches_the_gateway_whatever_it_is(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", "t")
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return ECHO

    meta = {f"{META}protocolVersion": NEWEST, f"{META}clientCapabilities": {}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "_meta": meta}}
    with httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer)) as http:
        Bridge(http, lambda: None, io.StringIO()).serve(io.StringIO(json.dumps(call)))
    [request] = asked
    message = read(request.content, request.headers.get)
    assert message is not None
    assert message.params["name"] == name


def test_a_call_is_answered_when_nobody_is_let_in_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [httpx.Response(401, json={}), httpx.Response(403, json={})]
    [answer] = told(monkeypatch, [{"jsonrpc": "2.0", "id": 7, "method": "initialize"}], refused)
    assert answer["id"] == 7
    assert "GATEWAY_TOKEN" in answer["error"]["message"]


def test_half_a_character_is_the_gateways_to_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", "arguments": {"q": "\ud800"}}}
    assert told(monkeypatch, [call], [ECHO]) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]
