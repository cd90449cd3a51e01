"""What a client sees, and what happens upstream, when a model's server does not behave."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import openai
import pytest

from gateway.adapters.providers.passthrough import MAX_BODY_BYTES
from tests.conftest import LiveGateway
from tests.openai.conftest import HELLO, Upstream, streams
from tests.providers.scripted_server import DONE, Exchange, chunk

Make = Callable[..., Upstream]


@contextmanager
def setting(gateway: LiveGateway, **values: float) -> Iterator[None]:
    """Holds the gateway to other times, and returns it to its own."""
    for name, value in values.items():
        assert gateway.call("PUT", f"/v1/settings/chat.{name}", json={"value": value}).status_code == 200
    try:
        yield
    finally:
        for name in values:
            gateway.call("DELETE", f"/v1/settings/chat.{name}")


def complete(gateway: LiveGateway, model: str, **fields: Any) -> httpx.Response:
    return gateway.call("POST", "/v1/chat/completions", json={"model": model, "messages": HELLO, **fields})


def events_of(answer: httpx.Response) -> list[Any]:
    """The stream's events: each one line, `[DONE]` the last."""
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    blocks = answer.text.split("\n\n")
    assert blocks.pop() == ""
    events = [block for block in blocks if not block.startswith(":")]
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    assert events.pop() == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.mark.parametrize(
    ("upstream_status", "headers", "body", "status", "code"),
    [
        (400, {}, {"error": {"message": "no such role", "param": "messages", "code": "bad"}}, 400, "bad"),
        (401, {}, {"error": {"message": "wrong key"}}, 502, "inference_failed"),
        (404, {}, {"error": {"message": "not here"}}, 404, "model_not_found"),
        (413, {}, {"error": {"message": "too long"}}, 413, "too_large"),
        (422, {}, {"detail": "cannot"}, 422, "invalid_fields"),
        (429, {"Retry_After": "7"}, {"error": {"message": "slow down"}}, 429, "too_many_requests"),
        (500, {}, {"error": {"message": "oh"}}, 502, "inference_failed"),
        (503, {"Retry_After": "60"}, {"error": {"message": "full"}}, 503, "overloaded"),
        (302, {"Location": "http://127.0.0.1:9/"}, {}, 502, "inference_failed"),
        (200, {}, "no JSON at all", 502, "inference_failed"),
        (200, {}, {"choices": "none"}, 502, "inference_failed"),
        (200, {}, {"error": {"message": "in a 200"}}, 502, "inference_failed"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_before_the_stream_is_json_with_its_status(
    upstream: Make, live_gateway: LiveGateway, stream: bool, upstream_status: int, headers: dict[str, str], body: Any,
    status: int, code: str,
) -> None:  # fmt: skip
    server = upstream(lambda exchange: exchange.json(body, upstream_status, **headers))
    with setting(live_gateway, retries=0):
        answer = complete(live_gateway, server.model, stream=stream)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers.get("Retry-After") == headers.get("Retry_After")
    if status == 404:
        assert server.model in answer.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_for_the_moment_is_tried_again(upstream: Make, client: openai.OpenAI, stream: bool) -> None:
    answers = iter(["reset", 500, 200])

    def script(exchange: Exchange) -> None:
        match next(answers):
            case "reset":
                exchange.reset()
            case 500:
                exchange.json({"error": {"message": "not now"}}, 500)
            case _ if stream:
                exchange.begin()
                exchange.write(chunk("yes", finish_reason="stop") + DONE)
            case _:
                message = {"role": "assistant", "content": "yes"}
                exchange.json({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    server = upstream(script)
    answer = client.chat.completions.create(model=server.model, messages=HELLO, stream=stream)
    if stream:
        assert "".join(piece.choices[0].delta.content or "" for piece in answer) == "yes"
    else:
        assert answer.choices[0].message.content == "yes"
    assert len(server.asked) == 3


def test_a_model_that_is_being_loaded_is_waited_for(upstream: Make, client: openai.OpenAI) -> None:
    answers = iter([503] * 4)

    def script(exchange: Exchange) -> None:
        if next(answers, None):
            exchange.json({"error": {"message": "Loading model", "code": 503}}, 503)
        else:
            exchange.begin()
            exchange.write(chunk("there", finish_reason="stop") + DONE)

    server = upstream(script)
    answer = list(client.chat.completions.create(model=server.model, messages=HELLO, stream=True))
    assert answer[0].choices[0].delta.content == "there"


def test_nothing_is_tried_again_after_the_first_byte(upstream: Make, live_gateway: LiveGateway) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("half an ans"))
        exchange.reset()

    server = upstream(script)
    *chunks, last = events_of(complete(live_gateway, server.model, stream=True))
    assert chunks[0]["choices"][0]["delta"]["content"] == "half an ans"
    assert set(last) == {"error"}
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert last["error"]["code"] == "inference_failed"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {half\n\n",
        b"data: [1]\n\n",
        b'data: {"error": {"message": "died"}}\n\n',
        b"event: error\ndata: {}\n\n",
        b"",
    ],
)
def test_a_stream_that_breaks_off_ends_with_an_error_event(
    upstream: Make, live_gateway: LiveGateway, broken: bytes
) -> None:
    server = upstream(streams(chunk("begun"), broken))
    *_, last = events_of(complete(live_gateway, server.model, stream=True))
    assert last["error"]["code"] == "inference_failed"


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_hangs_times_out(upstream: Make, live_gateway: LiveGateway, stream: bool) -> None:
    server = upstream(lambda exchange: exchange.pause(20))
    with setting(live_gateway, first_byte_timeout_s=0.5):
        began = time.monotonic()
        answer = complete(live_gateway, server.model, stream=stream)
    assert time.monotonic() - began < 10
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "completion_timeout")


def test_a_stream_that_never_ends_is_ended(upstream: Make, live_gateway: LiveGateway) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("and then"))
        exchange.pause(20)

    server = upstream(script)
    with setting(live_gateway, timeout_s=1):
        *_, last = events_of(complete(live_gateway, server.model, stream=True))
    assert last["error"]["code"] == "completion_timeout"


def test_an_answer_in_one_piece_that_does_not_end_is_not_gathered(upstream: Make, live_gateway: LiveGateway) -> None:
    written: list[int] = []

    def script(exchange: Exchange) -> None:
        exchange.begin(200, "application/json")
        for _ in range(200):
            exchange.write(b" " * 2**20)
            written.append(2**20)

    server = upstream(script)
    answer = complete(live_gateway, server.model)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "inference_failed")
    assert sum(written) < 2 * MAX_BODY_BYTES


def test_a_server_that_is_not_there_is_said_to_be(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(streams(DONE), base_url="http://127.0.0.1:9/v1")
    with setting(live_gateway, retries=1):
        answer = complete(live_gateway, server.model)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "inference_failed")
    assert "127.0.0.1:9" in answer.json()["error"]["message"]


@pytest.mark.parametrize("phase", ["before the first byte", "in a stream", "in a whole answer"])
def test_the_upstream_is_left_within_a_second_of_the_client(
    upstream: Make, live_gateway: LiveGateway, phase: str
) -> None:
    left = threading.Event()
    asked = threading.Event()

    def script(exchange: Exchange) -> None:
        asked.set()
        if phase == "in a stream":
            exchange.begin()
            exchange.write(chunk("one"))
        with suppress(OSError):
            while exchange.is_connected():
                time.sleep(0.02)
        left.set()

    server = upstream(script)
    body = {"model": server.model, "messages": HELLO, "stream": phase == "in a stream"}
    with httpx.Client(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {live_gateway.token}"}
        with (
            suppress(httpx.ReadTimeout),
            client.stream(
                "POST", f"{live_gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=1.5
            ) as answer,
        ):
            next(answer.iter_bytes())
        assert asked.is_set()
    assert left.wait(1), "the upstream still works for nobody"


def test_the_first_piece_leaves_before_the_second_is_there(upstream: Make, client: openai.OpenAI) -> None:
    go_on = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("first"))
        go_on.wait(10)
        exchange.write(chunk("second", finish_reason="stop") + DONE)

    server = upstream(script)
    pieces = iter(client.chat.completions.create(model=server.model, messages=HELLO, stream=True))
    assert next(pieces).choices[0].delta.content == "first"
    go_on.set()
    assert next(pieces).choices[0].delta.content == "second"


def test_pieces_cut_anywhere_come_whole(upstream: Make, client: openai.OpenAI) -> None:
    wire = chunk("Grüße 👋 \u2028 ") + b": a comment\n\nevent: x\nid: 1\n" + chunk("end", finish_reason="stop") + DONE

    def script(exchange: Exchange) -> None:
        exchange.begin()
        for start in range(0, len(wire), 7):
            exchange.write(wire[start : start + 7])

    server = upstream(script)
    pieces = client.chat.completions.create(model=server.model, messages=HELLO, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "Grüße 👋 \u2028 end"


def test_a_revoked_token_ends_its_stream_and_the_work_upstream(upstream: Make, live_gateway: LiveGateway) -> None:
    left = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("one"))
        while exchange.is_connected():
            time.sleep(0.02)
        left.set()

    server = upstream(script)
    token = live_gateway.call("POST", "/v1/tokens", json={"name": "to be revoked"}).json()
    headers = {"Authorization": f"Bearer {token['token']}"}
    body = {"model": server.model, "messages": HELLO, "stream": True}
    url = f"{live_gateway.url}/v1/chat/completions"
    with live_gateway.http.stream("POST", url, json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        assert "one" in next(lines)
        assert live_gateway.call("DELETE", f"/v1/tokens/{token['id']}").status_code == 204
        rest = "".join(lines)
    assert "request_canceled" in rest
    assert rest.endswith("data: [DONE]")
    assert left.wait(1)


def test_a_server_that_knows_no_usage_is_asked_without(upstream: Make, client: openai.OpenAI) -> None:
    def script(exchange: Exchange) -> None:
        if b"stream_options" in exchange.body:
            exchange.json({"error": {"message": "Unknown field: stream_options"}}, 400)
        else:
            exchange.begin()
            exchange.write(chunk("old", finish_reason="stop") + DONE)

    server = upstream(script)
    options = {"include_usage": True}
    pieces = list(
        client.chat.completions.create(model=server.model, messages=HELLO, stream=True, stream_options=options)
    )
    assert pieces[0].choices[0].delta.content == "old"
    assert pieces[-1].choices == []
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens > 0


def test_a_server_that_knows_no_streams_is_turned_into_one(upstream: Make, client: openai.OpenAI) -> None:
    message = {"role": "assistant", "content": "in one piece"}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    server = upstream(lambda exchange: exchange.json(answer))
    pieces = list(client.chat.completions.create(model=server.model, messages=HELLO, stream=True))
    assert pieces[0].choices[0].delta.content == "in one piece"
    assert pieces[0].choices[0].delta.role == "assistant"
    assert pieces[-1].choices[0].finish_reason == "stop"


def test_connections_are_kept_and_a_closed_one_is_noticed(upstream: Make, client: openai.OpenAI) -> None:
    message = {"role": "assistant", "content": "yes"}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    ports = []

    def script(exchange: Exchange) -> None:
        ports.append(exchange.client_port)
        exchange.begin_kept(len(body), stays=len(ports) < 2)
        exchange.write(body)

    server = upstream(script)
    for _ in range(3):
        answer = client.chat.completions.create(model=server.model, messages=HELLO)
        assert answer.choices[0].message.content == "yes"
    assert ports[0] == ports[1] != ports[2]
