"""Completions by a model's own server: what is handed on, and what the client gets."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from gateway.adapters.providers.local_model.server import read_endpoint
from tests.conftest import MODELS, LiveGateway
from tests.openai.conftest import HELLO, Upstream, streams
from tests.providers.scripted_server import DONE, chunk


def test_the_local_model_answers_whole_and_as_a_stream(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="local/smollm2-135m", messages=HELLO, max_tokens=8)
    assert whole.choices[0].message.content
    assert whole.model == "local/smollm2-135m"
    assert whole.usage is not None
    assert 0 < whole.usage.completion_tokens <= 8
    chunks = list(client.chat.completions.create(model="local/smollm2-135m", messages=HELLO, max_tokens=8, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(piece.choices[0].delta.content or "" for piece in chunks)
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")


def test_how_far_the_local_model_has_read_is_not_the_clients_to_know(client: openai.OpenAI) -> None:
    """llama.cpp tells it in chunks without a word: clients get the first, which says that it has begun."""
    long = [{"role": "user", "content": "Say one word. " * 100}]
    chunks = list(client.chat.completions.create(model="local/smollm2-135m", messages=long, max_tokens=8, stream=True))
    assert [piece for piece in chunks if "prompt_progress" in (piece.model_extra or {})] == []
    roles = [piece for piece in chunks if piece.choices and piece.choices[0].delta.role]
    assert roles == chunks[:1]


def test_a_whole_answer_that_nobody_waits_for_any_more_gives_the_local_model_back(live_gateway: LiveGateway) -> None:
    assert live_gateway.call("POST", "/v1/chat/warm", json={"model": "local/smollm2-135m"}).status_code == 200
    question = " ".join(f"Number {number}." for number in range(1000))
    body = {"model": "local/smollm2-135m", "messages": [{"role": "user", "content": question}]}
    with pytest.raises(httpx.ReadTimeout):
        live_gateway.call("POST", "/v1/chat/completions", json=body, timeout=1)
    endpoint = read_endpoint(MODELS, "smollm2-135m")
    assert endpoint is not None
    slots, key = f"{endpoint.base_url.removesuffix('/v1')}/slots", {"Authorization": f"Bearer {endpoint.api_key}"}

    def read() -> dict[int, int]:
        """How much of its question the server has read, by the task that it is at."""
        found: list[dict[str, Any]] = httpx.get(slots, headers=key, trust_env=False).json()
        return {slot["id_task"]: slot["n_prompt_tokens"] for slot in found if slot["is_processing"]}

    left = read()  # other tests may ask this server, too; nothing where it gave up at once
    while left.keys() & (now := read()).keys():
        left |= {task: length for task, length in now.items() if task in left}
        time.sleep(0.05)
    assert max(left.values(), default=0) < 3000, "it was not read to its end, which is after some 6,000"


def test_an_unknown_model_is_named(client: openai.OpenAI, live_gateway: LiveGateway) -> None:
    answer = live_gateway.call("POST", "/v1/chat/completions", json={"model": "nobody/none", "messages": HELLO})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == "model_not_found"
    assert "nobody/none" in error["message"]


def test_a_stream_is_handed_on_with_every_field(upstream: Callable[..., Upstream], client: openai.OpenAI) -> None:
    server = upstream(streams(chunk("hel"), chunk("lo", finish_reason="stop"), DONE))
    stream = client.chat.completions.create(
        model=server.model, messages=HELLO, stream=True, extra_body={"top_k": 3, "keep_alive": {"any": ["thing"]}}
    )
    chunks = list(stream)
    assert "".join(piece.choices[0].delta.content or "" for piece in chunks) == "hello"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert server.asked[-1]["top_k"] == 3
    assert server.asked[-1]["keep_alive"] == {"any": ["thing"]}
    assert server.asked[-1]["model"] == "model-1"


@pytest.mark.parametrize("stream", [False, True])
def test_numbers_that_json_does_not_have_are_refused(
    upstream: Callable[..., Upstream], live_gateway: LiveGateway, stream: bool
) -> None:
    """Some clients write NaN all the same, and a number may be too large for what reads it."""
    server = upstream(streams(chunk("hello"), chunk(finish_reason="stop"), DONE))
    for number in ("NaN", "1e999"):
        body = f'{{"model": "{server.model}", "messages": [{{"role": "user", "content": "x"}}], "temperature": {number}'
        sent = f'{body}, "stream": {str(stream).lower()}}}'
        headers = {"Content-Type": "application/json"}
        answer = live_gateway.call("POST", "/v1/chat/completions", content=sent, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_fields")
    assert server.asked == []
