"""The conformance lab: it judges as clients do, the gateway passes, and a gateway that does not is told why."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gateway.features.conformance import protocol
from gateway.features.conformance.clients import CLIENTS, Ask
from gateway.features.conformance.protocol import Answer, Wrong
from gateway.features.conformance.suite import run
from tests.conftest import PROJECT, LiveGateway, wait_until
from tests.openai.conftest import Upstream

JSON = {"content-type": "application/json; charset=utf-8"}
SSE = {"content-type": "text/event-stream"}
MODEL = "far/big"


def whole(**changes: Any) -> Answer:
    message = {"role": "assistant", "content": "hello"}
    body = {
        "id": "c", "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"total_tokens": 2},
    }  # fmt: skip
    return Answer(200, JSON, json.dumps({**body, **changes}).encode())


def choice(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def piece(*choices: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": list(choices),
        **changes,
    }


FIRST, LAST = piece(choice(role="assistant", content="hel")), piece(choice("stop", content="lo"))
COUNTED = piece(usage={"total_tokens": 2})


def streamed(*pieces: dict[str, Any], end: str = "data: [DONE]\n\n", headers: dict[str, str] = SSE) -> Answer:
    return Answer(200, headers, "".join(f"data: {json.dumps(p)}\n\n" for p in pieces).encode() + end.encode())


def call(**fields: Any) -> dict[str, Any]:
    return piece(choice(tool_calls=[{"function": {"arguments": ""}, **fields}]))


def test_good_answers_pass() -> None:
    assert protocol.completion(whole(), MODEL)["content"] == "hello"
    assert protocol.stream(streamed(FIRST, LAST), usage=False) == "hello"
    assert protocol.stream(streamed(FIRST, LAST, COUNTED), usage=True) == "hello"
    silence = Answer(200, SSE, b": keep-alive\n\n" + streamed(FIRST, LAST).body)
    assert protocol.stream(silence, usage=False) == "hello"
    calls = [call(index=0, id="a"), call(index=0), call(index=1, id="b")]
    protocol.stream(streamed(FIRST, *calls, LAST), usage=False)


@pytest.mark.parametrize(
    ("answer", "usage", "words"),
    [
        (streamed(FIRST, LAST, headers=JSON), False, "not text/event-stream"),
        (streamed(FIRST, LAST, end=""), False, "[DONE]"),
        (streamed(LAST), False, "does not begin with the role"),
        (streamed(FIRST), False, "finish_reason is given 0 times"),
        (streamed(FIRST, LAST, LAST), False, "finish_reason is given 2 times"),
        (streamed(FIRST, LAST), True, "not in the last chunk"),
        (streamed(FIRST, LAST, COUNTED), False, "usage was sent unasked"),
        (streamed(FIRST, LAST, piece()), False, "without choices was sent unasked"),
        (streamed(FIRST, LAST, piece(choice(), usage={"total_tokens": 1})), True, "strict clients want an empty list"),
        (streamed(FIRST, {**LAST, "timings": None}), False, "timings of a chunk is null"),
        (streamed(FIRST, {"error": {"message": "boom"}}), False, "boom"),
        (streamed(FIRST, call(id="a"), LAST), False, "no index"),
        (streamed(FIRST, call(index=0), LAST), False, "no id"),
        (streamed(FIRST, call(index=0, id="a"), call(index=0, id="b"), LAST), False, "share an index"),
        (Answer(200, SSE, b"event: x\ndata: {}\n\ndata: [DONE]\n\n"), False, "not one data: line"),
        (Answer(502, JSON, b'{"error": {"message": "no server"}}'), False, "no server"),
    ],
)
def test_a_stream_that_troubles_a_client_is_told(answer: Answer, usage: bool, words: str) -> None:
    with pytest.raises(Wrong) as wrong:
        protocol.stream(answer, usage=usage)
    assert words in str(wrong.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "other"}, "was asked"),
        ({"choices": []}, "no choices"),
        ({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}, "role"),
        ({"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": "stop"}]}, "neither"),
        ({"choices": [{"message": {"role": "assistant", "content": "x"}}]}, "finish_reason"),
        ({"usage": None}, "usage"),
    ],
)
def test_a_whole_answer_that_troubles_a_client_is_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Wrong) as wrong:
        protocol.completion(whole(**changes), MODEL)
    assert words in str(wrong.value)


def test_lists_and_refusals_are_judged_too() -> None:
    model = {"id": MODEL, "object": "model", "created": 1, "owned_by": "far"}
    listed = {"object": "list", "data": [model]}
    assert protocol.model_list(Answer(200, JSON, json.dumps(listed).encode())) == [MODEL]
    for broken in ({**model, "created": "now"}, {"id": MODEL}, {**model, "object": "thing"}):
        with pytest.raises(Wrong):
            protocol.model_list(Answer(200, JSON, json.dumps({**listed, "data": [broken]}).encode()))
    error = {"message": f"no {MODEL}", "type": "x", "param": None, "code": "y"}
    protocol.refusal(Answer(404, JSON, json.dumps({"error": error}).encode()), 404, names=MODEL)
    for status, body in ((200, {"error": error}), (404, {"detail": "x"}), (404, {"error": {**error, "message": "?"}})):
        with pytest.raises(Wrong):
            protocol.refusal(Answer(status, JSON, json.dumps(body).encode()), 404, names=MODEL)


def test_without_a_model_what_needs_one_is_untested_and_the_rest_is_tried() -> None:
    asked: list[Ask] = []

    def send(ask: Ask) -> Answer:
        asked.append(ask)
        return Answer(500, {}, b"")

    results = [result for client in CLIENTS for result in run(client, send, None)]
    assert {result.verdict for result in results} == {"untested", "failed"}
    assert all(ask.body and ask.body["model"] == "nobody/no-such-model" for ask in asked)


def wait_for_model(gateway: LiveGateway, model: str) -> None:
    """Servers are asked for their models from time to time."""
    wait_until(lambda: model in gateway.call("GET", "/v1/models").text, 30)


def test_every_client_passes_with_the_local_model_by_the_route(live_gateway: LiveGateway) -> None:
    wait_for_model(live_gateway, "local/smollm2-135m")
    listed = live_gateway.call("GET", "/v1/conformance/clients").json()["items"]
    assert [client["id"] for client in listed] == [client.id for client in CLIENTS]
    for client in listed:
        answer = live_gateway.call("POST", "/v1/conformance/run", json={"client": client["id"]}, timeout=300)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert [result["name"] for result in found["results"]] == [case["name"] for case in client["cases"]]
        assert [result for result in found["results"] if result["verdict"] != "passed"] == []
        assert found["model"] == "local/smollm2-135m"
    unknown = live_gateway.call("POST", "/v1/conformance/run", json={"client": "netscape"})
    assert unknown.status_code == 422
    assert "open-webui" in unknown.json()["errors"][0]["message"]


def test_a_model_server_that_fails_shows_where(live_gateway: LiveGateway, upstream: Callable[..., Upstream]) -> None:
    server = upstream(lambda exchange: exchange.json({"error": {"message": "tools are not for me"}}, 400))
    wait_for_model(live_gateway, server.model)
    answer = live_gateway.call("POST", "/v1/conformance/run", json={"client": "n8n", "model": server.model})
    found = answer.json()
    assert not found["passed"]
    verdicts = {result["name"]: result for result in found["results"]}
    assert verdicts["Menu of models"]["verdict"] == "passed"
    assert verdicts["Message a model"]["status"] == 400
    assert "tools are not for me" in verdicts["Message a model"]["reason"]


def test_the_command_tries_a_client_over_http(live_gateway: LiveGateway) -> None:
    def command(*options: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "app.py", "conformance", "--data-dir", str(live_gateway.data_dir), *options]
        return subprocess.run(
            arguments, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, **live_gateway.environment},
        )  # fmt: skip

    wait_for_model(live_gateway, "local/smollm2-135m")
    done = command("--client", "openai", "--client", "n8n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Model: local/smollm2-135m" in done.stdout
    assert "pass  models.retrieve()" in done.stdout
    assert "LangChain" not in done.stdout
    assert "Nothing failed." in done.stdout
    missing = command("--client", "n8n", "--model", "nobody/none")
    assert missing.returncode == 1
    assert "FAIL  Message a model" in missing.stdout
    wrong = command("--client", "netscape")
    assert wrong.returncode == 1
    assert "open-webui" in wrong.stderr
