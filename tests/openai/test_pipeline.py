"""What happens to a completion besides being handed on: decided, audited, cleaned of secrets, held to limits."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import assert_openai_error
from tests.openai.conftest import HELLO, Upstream, streams
from tests.providers.scripted_server import DONE, Exchange, chunk

Make = Callable[..., Upstream]
KEY = "AKIAIOSFODNN7QXAMPLE"


def ends(*, usage: dict[str, int] | None = None, text: str = "fine") -> Callable[[Exchange], None]:
    more = [chunk(choices=[], usage=usage)] if usage else []
    return streams(chunk(text), chunk(finish_reason="stop"), *more, DONE)


def ask(gateway: LiveGateway, model: str, messages: Any = HELLO, **options: Any) -> Any:
    body = {"model": model, "messages": messages, "stream": True, **options.pop("body", {})}
    return gateway.call("POST", "/v1/chat/completions", json=body, **options)


def records(gateway: LiveGateway, model: str) -> list[dict[str, Any]]:
    items = gateway.call("GET", "/v1/audit?action=models.use&limit=200").json()["items"]
    return [item for item in items if item["resource"]["id"] == model]


def test_secrets_stay_here_and_their_kinds_are_recorded(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(ends())
    messages = [
        {"role": "system", "content": f"The key is {KEY}."},
        {"role": "user", "content": [{"type": "text", "text": f"Use {KEY}"}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_0123456789abcdefABCDEF0123456789", "type": "function",
             "function": {"name": "f", "arguments": f'{{"key": "{KEY}"}}'}}]},
        {"role": "tool", "tool_call_id": "call_0123456789abcdefABCDEF0123456789", "content": f"{KEY} works"},
    ]  # fmt: skip
    assert ask(live_gateway, server.model, messages).status_code == 200
    sent = server.server.requests[-1].body.decode()
    assert KEY not in sent
    assert sent.count("SECRET_REDACTED") == 4
    assert sent.count("call_0123456789abcdefABCDEF0123456789") == 2
    reasons = [record["reason"] for record in records(live_gateway, server.model)]
    assert any("secrets were taken out: 4 ×" in reason for reason in reasons)
    assert KEY not in str(reasons)


def test_each_call_is_recorded_with_who_and_which_model(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(ends())
    answer = ask(live_gateway, server.model, headers={"X-Request-Id": "from-the-client-1"})
    assert answer.headers["X-Request-Id"] == "from-the-client-1"
    [record] = records(live_gateway, server.model)
    assert (record["actor"], record["decision"], record["request_id"]) == ("owner", "allow", "from-the-client-1")


def test_a_spend_limit_holds_and_counts_what_was_used(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(ends(usage={"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}))
    limit = {"subject_type": "provider", "subject_id": server.model.partition("/")[0], "window": "month",
             "max_requests": 2}  # fmt: skip
    made = live_gateway.call("POST", "/v1/spend-limits", json=limit).json()

    def used() -> dict[str, int]:
        items = live_gateway.call("GET", "/v1/usage?limit=200").json()["items"]
        return next(item["used"] for item in items if item["limit"]["id"] == made["id"])  # type: ignore[no-any-return]

    try:
        assert ask(live_gateway, server.model).status_code == 200
        assert (used()["requests"], used()["tokens"]) == (1, 33)
        assert ask(live_gateway, server.model, body={"stream_options": {"include_usage": True}}).status_code == 200
        refused = ask(live_gateway, server.model)
        assert_openai_error(refused, 429, "spend_limit_reached")
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        live_gateway.call("DELETE", f"/v1/spend-limits/{made['id']}")
    assert len(server.asked) == 2


SURFACES = {
    "chat": ("chat/completions", {"messages": HELLO}),
    "a streamed chat": ("chat/completions", {"messages": HELLO, "stream": True}),
    "a response": ("responses", {"input": "hello"}),
    "a streamed response": ("responses", {"input": "hello", "stream": True}),
    "embeddings": ("embeddings", {"input": "hello"}),
}


@pytest.mark.parametrize("surface", SURFACES)
def test_every_route_reserves_before_it_asks_a_model_and_settles_after(
    upstream: Make, live_gateway: LiveGateway, surface: str
) -> None:
    path, body = SURFACES[surface]
    usage = {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}
    during: list[dict[str, Any]] = []

    def state() -> dict[str, Any]:
        found = live_gateway.call("GET", f"/v1/usage?subject_type=provider&subject_id={provider}").json()
        return found["items"][0]  # type: ignore[no-any-return]

    def serve(exchange: Exchange) -> None:
        during.append(state())
        if exchange.path.endswith("/embeddings"):
            vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
            exchange.json({"object": "list", "data": [vector], "model": "x", "usage": usage})
        elif json.loads(exchange.body)["stream"]:
            ends(usage=usage)(exchange)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
            exchange.json({"id": "x", "object": "chat.completion", "created": 1, "choices": [choice], "usage": usage})

    server = upstream(serve)
    provider = server.model.partition("/")[0]
    limit = {"subject_type": "provider", "subject_id": provider, "window": "month", "max_requests": 1}
    made = live_gateway.call("POST", "/v1/spend-limits", json=limit).json()
    try:
        answer = live_gateway.call("POST", f"/v1/{path}", json={"model": server.model, **body})
        assert answer.status_code == 200, answer.text
        [held] = during
        assert (held["reserved"]["requests"], held["used"]["requests"]) == (1, 0)
        settled = state()
        assert (settled["used"]["requests"], settled["used"]["tokens"]) == (1, 33)
        assert settled["reserved"] == {"requests": 0, "tokens": 0, "cost_micros": 0}
        refused = live_gateway.call("POST", f"/v1/{path}", json={"model": server.model, **body})
        assert_openai_error(refused, 429, "spend_limit_reached")
        assert state()["reserved"]["requests"] == 0
    finally:
        live_gateway.call("DELETE", f"/v1/spend-limits/{made['id']}")
    assert len(during) == 1, "what is refused reaches no server"


def test_a_stream_without_usage_is_metered_all_the_same(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(ends(text="x" * 300))
    limit = {"subject_type": "provider", "subject_id": server.model.partition("/")[0], "window": "month",
             "max_tokens": 10_000}  # fmt: skip
    made = live_gateway.call("POST", "/v1/spend-limits", json=limit).json()
    try:
        assert ask(live_gateway, server.model).status_code == 200
        items = live_gateway.call("GET", "/v1/usage?limit=200").json()["items"]
        [found] = [item for item in items if item["limit"]["id"] == made["id"]]
        assert found["used"]["tokens"] >= 100
        assert found["reserved"]["tokens"] == 0
    finally:
        live_gateway.call("DELETE", f"/v1/spend-limits/{made['id']}")


def test_a_call_that_nobody_answers_costs_nothing(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(lambda exchange: exchange.json({"error": {"message": "no"}}, 400))
    limit = {"subject_type": "provider", "subject_id": server.model.partition("/")[0], "window": "month",
             "max_requests": 5}  # fmt: skip
    made = live_gateway.call("POST", "/v1/spend-limits", json=limit).json()
    try:
        assert ask(live_gateway, server.model).status_code == 400

        def is_given_back() -> bool:
            items = live_gateway.call("GET", "/v1/usage?limit=200").json()["items"]
            [found] = [item for item in items if item["limit"]["id"] == made["id"]]
            return bool(found["used"]["requests"] == found["reserved"]["requests"] == 0)

        wait_until(is_given_back, 20)
    finally:
        live_gateway.call("DELETE", f"/v1/spend-limits/{made['id']}")


def test_the_project_header_takes_an_id_or_a_slug(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(ends())
    slug = f"front-{uuid.uuid4().hex[:8]}"
    project = live_gateway.call("POST", "/v1/projects", json={"slug": slug}).json()
    try:
        for name in (slug, project["id"]):
            assert ask(live_gateway, server.model, headers={"OpenAI-Project": name}).status_code == 200
        unknown = ask(live_gateway, server.model, headers={"OpenAI-Project": "no-such"})
        assert_openai_error(unknown, 404, "project_not_found")
        in_project = [record for record in records(live_gateway, server.model) if record["project_id"]]
        assert {record["project_id"] for record in in_project} == {project["id"]}
    finally:
        live_gateway.call("DELETE", f"/v1/projects/{project['id']}")


def test_a_providers_key_is_sent_and_its_use_recorded(upstream: Make, live_gateway: LiveGateway) -> None:
    secret = f"sk-not-real-{uuid.uuid4().hex}"
    credential = live_gateway.call("POST", "/v1/credentials", json={"name": secret[:20], "secret": secret}).json()

    def script(exchange: Exchange) -> None:
        if exchange.headers["Authorization"] != f"Bearer {secret}":
            exchange.json({"error": {"message": f"wrong key {exchange.headers['Authorization']}"}}, 401)
        elif b"repeat" in exchange.body:
            exchange.json({"error": {"message": f"I repeat {secret}"}}, 400)
        else:
            ends()(exchange)

    server = upstream(script, credential_id=credential["id"])
    for _ in range(2):
        assert ask(live_gateway, server.model).status_code == 200
    told = ask(live_gateway, server.model, body={"say": "repeat"})
    assert told.json()["error"]["message"] == "I repeat SECRET_REDACTED"
    used = live_gateway.call("GET", "/v1/audit?action=credentials.use&limit=200").json()["items"]
    assert len([item for item in used if item["resource"]["id"] == credential["id"]]) >= 3
    live_gateway.call("POST", f"/v1/credentials/{credential['id']}/disable")
    wait_until(lambda: ask(live_gateway, server.model).status_code == 409, 20, 0.2)


def test_max_tokens_has_two_names(upstream: Make, client: openai.OpenAI) -> None:
    server = upstream(ends())
    for name in ("max_tokens", "max_completion_tokens"):
        list(client.chat.completions.create(model=server.model, messages=HELLO, stream=True, **{name: 5}))  # type: ignore[call-overload]
        assert server.asked[-1][name] == 5
        cut = client.chat.completions.create(model="local/smollm2-135m", messages=HELLO, **{name: 3})  # type: ignore[call-overload]
        assert cut.usage.completion_tokens <= 3
