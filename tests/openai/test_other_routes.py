"""Responses, embeddings, warming up and the list of models, by OpenAI's own client."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from tests.agents.scripted_model import setting
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import assert_openai_error
from tests.openai.conftest import HELLO, Upstream, streams
from tests.providers.scripted_server import DONE, Exchange, chunk

Make = Callable[..., Upstream]
LOCAL = "local/smollm2-135m"
WEATHER = {
    "type": "function", "name": "weather", "description": "Tells it.", "strict": None,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}  # fmt: skip


def calls_weather(exchange: Exchange) -> None:
    """A server that calls a tool in two pieces, and counts."""
    exchange.begin()
    for delta in (
        {"content": "Let me see."},
        {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "weather", "arguments": '{"city"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ': "Bonn"}'}}]},
    ):
        exchange.write(chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}]))
    exchange.write(chunk(finish_reason="tool_calls"))
    exchange.write(chunk(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}) + DONE)


def test_a_response_of_the_local_model(client: openai.OpenAI) -> None:
    response = client.responses.create(model=LOCAL, input="Say hello.", max_output_tokens=16)
    assert response.output_text
    assert response.usage is not None
    assert response.usage.output_tokens > 0
    assert response.status in ("completed", "incomplete")


def test_a_streamed_response_tells_each_step(upstream: Make, client: openai.OpenAI) -> None:
    server = upstream(calls_weather)
    with client.responses.stream(
        model=server.model,
        input="Weather?",
        instructions="Be short.",
        tools=[WEATHER],  # type: ignore[list-item]
    ) as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert {"response.output_text.delta", "response.function_call_arguments.delta"} <= set(kinds)
    assert response.output_text == "Let me see."
    call = response.output[1]
    assert (call.type, call.call_id, call.arguments) == ("function_call", "call_1", '{"city": "Bonn"}')
    assert response.usage is not None
    assert response.usage.total_tokens == 12
    asked = server.asked[0]
    assert asked["messages"][0] == {"role": "system", "content": "Be short."}
    assert asked["tools"][0]["function"]["name"] == "weather"


def test_a_whole_conversation_goes_to_the_model(upstream: Make, client: openai.OpenAI) -> None:
    server = upstream(
        lambda exchange: exchange.json({"choices": [{"message": {"content": "Sunny."}, "finish_reason": "stop"}]})
    )
    conversation: Any = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"},
                                     {"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "sun"},
    ]  # fmt: skip
    response = client.responses.create(
        model=server.model, input=conversation, text={"format": {"type": "json_object"}}, max_output_tokens=9
    )
    assert response.output_text == "Sunny."
    asked = server.asked[0]
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "tool"]
    assert asked["messages"][1]["content"][1]["image_url"]["url"].startswith("data:image/png")
    assert asked["response_format"] == {"type": "json_object"}
    assert asked["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"input": [{"type": "computer_call"}]}, "input.0.type"),
        ({"input": [{"role": "user", "content": 5}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": {"text": "x"}}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"type": ["input_text"], "text": "x"}]}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": None}]}]}, "input.0.content"),
    ],
)
def test_what_a_completion_cannot_say_is_refused(live_gateway: LiveGateway, fields: Any, param: str) -> None:
    answer = live_gateway.call("POST", "/v1/responses", json={"model": LOCAL, "input": "x", **fields})
    assert_openai_error(answer, 422, "invalid_fields", param)


def test_a_response_that_breaks_off_has_failed(upstream: Make, client: openai.OpenAI) -> None:
    server = upstream(streams(chunk("half")))
    *_, last = client.responses.create(model=server.model, input="x", stream=True)
    assert last.type == "response.failed"
    assert last.response.error is not None


def test_embeddings_come_under_the_models_name(upstream: Make, client: openai.OpenAI) -> None:
    vectors = [{"object": "embedding", "index": index, "embedding": [0.5, index]} for index in range(2)]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    server = upstream(lambda exchange: exchange.json({"object": "list", "data": vectors, "model": "x", "usage": usage}))
    answer = client.embeddings.create(model=server.model, input=["a", "b"], encoding_format="float")
    assert [item.embedding for item in answer.data] == [[0.5, 0], [0.5, 1]]
    assert answer.model == server.model
    assert server.asked[0]["input"] == ["a", "b"]


def test_no_secret_is_embedded(upstream: Make, client: openai.OpenAI) -> None:
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    server = upstream(lambda exchange: exchange.json({"object": "list", "data": vectors, "model": "x"}))
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    for given, sent in (
        (f"with {key} in it", "with SECRET_REDACTED in it"), ([f"and {key}"], ["and SECRET_REDACTED"]),
        ([5, 7], [5, 7]),
    ):  # fmt: skip
        client.embeddings.create(model=server.model, input=given, encoding_format="float")
        assert server.asked[-1]["input"] == sent


def test_a_model_that_embeds_nothing_says_so(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(lambda exchange: exchange.json({"error": {"message": "no"}}, 501))
    answer = live_gateway.call("POST", "/v1/embeddings", json={"model": server.model, "input": "a"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "model")


def test_a_model_is_warmed_up(live_gateway: LiveGateway) -> None:
    assert live_gateway.call("POST", "/v1/chat/warm", json={"model": LOCAL}).json() == {
        "model": LOCAL, "behind": LOCAL, "ready": True,
    }  # fmt: skip
    assert live_gateway.call("POST", "/v1/chat/warm").json()["behind"] == LOCAL
    assert_openai_error(
        live_gateway.call("POST", "/v1/chat/warm", json={"model": "nobody/none"}), 404, "model_not_found"
    )


def test_a_model_that_is_loaded_is_warmed_up_by_clients_that_leave(upstream: Make, live_gateway: LiveGateway) -> None:
    model = upstream(streams()).model
    for _ in range(5):
        with httpx.Client(trust_env=False) as client:  # and with it its connection is closed
            sent = {"Authorization": f"Bearer {live_gateway.token}"}
            warmed = client.post(f"{live_gateway.url}/v1/chat/warm", json={"model": model}, headers=sent)
            assert warmed.json() == {"model": model, "behind": model, "ready": True}
    assert live_gateway.call("GET", "/healthz").status_code == 200


def test_the_list_comes_at_once_while_a_server_hangs(upstream: Make, live_gateway: LiveGateway) -> None:
    hung = threading.Event()

    def script(exchange: Exchange) -> None:
        hung.set()
        exchange.pause(20)

    def listed() -> set[str]:
        return {model["id"] for model in live_gateway.call("GET", "/v1/models").json()["data"]}

    wait_until(lambda: LOCAL in listed(), 30)  # a node that has just started has not told of it yet
    upstream(script, models=None)
    assert hung.wait(10), "no node has asked the new provider"
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        answer = live_gateway.call("GET", "/v1/models")
        seconds.append(time.perf_counter() - began)
        assert {"orchestrator", LOCAL} <= {model["id"] for model in answer.json()["data"]}
    assert max(seconds) < 10, "none waits for the server, which takes 20"
    first = answer.json()["data"][0]
    assert set(first) == {"id", "object", "created", "owned_by", "context_length", "price"}
    assert live_gateway.call("GET", f"/v1/models/{LOCAL}").json()["id"] == LOCAL
    assert_openai_error(live_gateway.call("GET", "/v1/models/nobody/none"), 404, "model_not_found")


def test_a_model_is_listed_as_soon_as_its_server_was_added(upstream: Make, live_gateway: LiveGateway) -> None:
    for _ in range(2):
        listed = {model["id"] for model in live_gateway.call("GET", "/v1/models").json()["data"]}
        added = upstream(lambda exchange: None).model
        assert added not in listed
        assert added in {model["id"] for model in live_gateway.call("GET", "/v1/models").json()["data"]}


def test_what_a_server_tells_of_its_models_is_listed_and_a_set_price_counts(
    upstream: Make, live_gateway: LiveGateway
) -> None:
    listed = [
        {"id": "big", "context_length": 131072, "pricing": {"prompt": "0.0000025", "completion": "0.00001"}},
        {"id": "odd", "created": 10**15, "context_length": "many", "pricing": {"prompt": "-1", "completion": None}},
    ]
    name = upstream(lambda exchange: exchange.json({"object": "list", "data": listed}), models=None).model.split("/")[0]

    def told() -> dict[str, Any]:
        models = live_gateway.call("GET", "/v1/models").json()["data"]
        return {model["id"]: (model["context_length"], model["price"]) for model in models}

    wait_until(lambda: f"{name}/big" in told(), 20)
    assert told()[f"{name}/big"] == (131072, {"input": 2.5, "output": 10.0})
    assert told()[f"{name}/odd"] == (None, None)
    assert told()[LOCAL][0] == 8192
    with setting(live_gateway, "providers.prices", {f"{name}/*": {"input": 1, "output": 2}}):
        wait_until(lambda: told()[f"{name}/big"][1] == {"input": 1.0, "output": 2.0}, 10)


def test_a_rule_takes_a_model_away(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(streams(chunk("x", finish_reason="stop"), DONE))
    rule = {"effect": "deny", "subject": "*", "action": "models.use", "resource": f"models/{server.model}"}
    made = live_gateway.call("POST", "/v1/policy-rules", json={"name": "not this model", **rule})
    assert made.status_code == 201, made.text
    body = {"model": server.model, "messages": HELLO}
    try:
        denied = live_gateway.call("POST", "/v1/chat/completions", json=body)
        assert_openai_error(denied, 403, "forbidden")
        listed = live_gateway.call("GET", "/v1/models").json()["data"]
        assert server.model not in [model["id"] for model in listed]
        assert LOCAL in [model["id"] for model in listed]
    finally:
        live_gateway.call("DELETE", f"/v1/policy-rules/{made.json()['id']}")
    assert server.asked == []
    records = live_gateway.call("GET", "/v1/audit?action=models.use&decision=deny").json()["items"]
    assert server.model in [record["resource"]["id"] for record in records]
