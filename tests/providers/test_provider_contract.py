"""What every kind of provider promises, shown for each of them against a server that really answers."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.providers.base import Delta, ModelInfo, Provider, ProviderError, Timeouts
from gateway.adapters.providers.completion import complete
from gateway.adapters.providers.kinds.local import Local
from gateway.adapters.providers.registry import KINDS, config_schemas, create_provider
from tests.providers.scripted_server import DONE, Exchange, chunk, scripted_server

KEY = "sk-planted-canary-8d1c"


def ollama(exchange: Exchange) -> None:
    """Ollama's protocol, as far as the gateway speaks it."""
    if exchange.path == "/api/tags":
        made = "2026-05-04T14:56:49.277302595-07:00"
        exchange.json({"models": [{"name": "llama3:8b", "modified_at": made, "digest": "365c"}]})
    elif exchange.path == "/api/show":
        assert json.loads(exchange.body) == {"model": "llama3:8b"}
        info = {"general.architecture": "llama", "llama.context_length": 8192, "llama.embedding_length": 4096}
        exchange.json({"parameters": 'stop "<|eot_id|>"', "model_info": info})
    elif exchange.path == "/v1/chat/completions" and json.loads(exchange.body)["model"] == "llama3:8b":
        exchange.begin()
        for word in ("The ", "sky ", "is ", "blue."):
            exchange.write(chunk(word))
        exchange.write(chunk(finish_reason="stop"))
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
        exchange.write(b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n" + DONE)
    else:
        exchange.json({"error": {"message": "model not found", "type": "api_error"}}, 404)


@contextmanager
def live_provider(kind: str, data_dir: Path) -> Iterator[Provider[Any]]:
    """A provider of `kind` that works; the OpenAI-compatible one talks to a real llama.cpp server."""
    if kind == "ollama":
        with scripted_server(ollama) as server:
            yield create_provider(kind, {"base_url": server.url}, models_dir=data_dir / "models", api_key=KEY)
        return
    local = create_provider("local", {}, models_dir=data_dir / "models")
    if kind == "local":
        yield local
        return
    asyncio.run(local.prepare("smollm2-135m"))
    upstream = local.upstream("smollm2-135m")
    api_key = upstream.headers["Authorization"].removeprefix("Bearer ")
    yield create_provider(kind, {"base_url": upstream.base_url}, models_dir=data_dir / "models", api_key=api_key)


@pytest.fixture(params=sorted(KINDS))
def provider(request: pytest.FixtureRequest, shared_data_dir: Path) -> Iterator[Provider[Any]]:
    with live_provider(request.param, shared_data_dir) as provider:
        yield provider


def first_model(models: list[ModelInfo]) -> str:
    return models[0].id


def test_settings_are_described_by_a_json_schema_and_unknown_ones_refused(tmp_path: Path) -> None:
    schemas = config_schemas()
    assert set(schemas) == set(KINDS)
    for kind, schema in schemas.items():
        assert json.loads(json.dumps(schema))["additionalProperties"] is False
        assert all("title" in setting for setting in schema["properties"].values())
        settings = {**dict.fromkeys(schema.get("required", []), "http://127.0.0.1"), "colour": KEY}
        with pytest.raises(ProviderError, match="do not fit: colour: there is no such field") as refused:
            create_provider(kind, settings, models_dir=tmp_path / "models")
        assert refused.value.permanent
        assert KEY not in str(refused.value)


def test_a_provider_lists_its_models_and_answers_in_pieces(provider: Provider[Any]) -> None:
    async def ask() -> tuple[list[ModelInfo], list[Delta]]:
        models = await provider.list_models()
        messages = [{"role": "user", "content": "Write one sentence about the sky."}]
        answer = provider.chat(first_model(models), messages, max_tokens=40, temperature=0)
        deltas = [delta async for delta in answer]
        await provider.aclose()
        return models, deltas

    models, deltas = asyncio.run(ask())
    assert models[0].owned_by
    assert len([delta for delta in deltas if delta.text]) > 3
    assert "sky" in "".join(delta.text for delta in deltas)
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] in (["stop"], ["length"])
    usage = next(delta.usage for delta in deltas if delta.usage)
    assert usage.prompt_tokens > 5
    assert usage.completion_tokens >= 4


def test_a_whole_answer_is_the_sum_of_its_pieces(provider: Provider[Any]) -> None:
    pieces: list[str] = []

    async def ask() -> str:
        model = first_model(await provider.list_models())
        completion = await complete(provider, model, "Say hello.", pieces.append, max_tokens=10)
        await provider.aclose()
        return completion.text

    assert asyncio.run(ask()) == "".join(pieces) != ""


def test_a_working_provider_is_healthy_and_says_how_fast_it_was(provider: Provider[Any]) -> None:
    async def check() -> bool:
        health = await provider.health()
        await provider.aclose()
        return health.ok and (isinstance(provider, Local) or health.latency_ms is not None)

    assert asyncio.run(check())


def test_an_address_is_known_without_calling_and_shows_no_key(provider: Provider[Any]) -> None:
    async def ready() -> str:
        model = first_model(await provider.list_models())
        await provider.prepare(model)
        await provider.aclose()
        return model

    upstream = provider.upstream(asyncio.run(ready()))
    assert upstream.base_url.startswith("http://127.0.0.1:")
    assert upstream.base_url.endswith("/v1")
    key = upstream.headers["Authorization"].removeprefix("Bearer ")
    assert len(key) > 10
    assert key not in repr(upstream) + repr(provider) + str(vars(provider.config))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"local"}))
def test_an_unreachable_server_is_a_passing_error_with_a_remedy(kind: str, tmp_path: Path) -> None:
    with scripted_server(lambda exchange: None) as server:
        gone = server.url
    provider = create_provider(
        kind, {"base_url": gone}, models_dir=tmp_path / "models", api_key=KEY, timeouts=Timeouts(connect=1)
    )

    async def ask() -> ProviderError:
        health = await provider.health()
        assert not health.ok
        assert gone in str(health.reason)
        assert health.remedy
        with pytest.raises(ProviderError, match="cannot be reached") as failed:
            await complete(provider, "any", "hello")
        await provider.aclose()
        return failed.value

    error = asyncio.run(ask())
    assert (error.code, error.permanent) == ("unreachable", False)
    assert KEY not in str(error)


@pytest.mark.parametrize("kind", ["local", "ollama"])
def test_an_unknown_model_is_a_permanent_error(kind: str, shared_data_dir: Path) -> None:
    async def ask(provider: Provider[Any]) -> ProviderError:
        with pytest.raises(ProviderError) as failed:
            await complete(provider, "no-such-model", "hello")
        await provider.aclose()
        return failed.value

    with live_provider(kind, shared_data_dir) as provider:
        error = asyncio.run(ask(provider))
    assert (error.code, error.permanent) == ("unknown_model", True)


@pytest.mark.parametrize(
    ("told", "size"),
    [
        (
            {
                "parameters": 'stop "x"\nnum_ctx  4096',
                "model_info": {"llama.context_length": 8192},
            },
            4096,
        ),
        ({"model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960}}, 40960),
        ({"model_info": {"llama.context_length": "long"}}, None),
        ([], None),
        (None, None),
    ],
)
def test_ollama_is_asked_once_how_much_each_model_reads(told: Any, size: int | None, tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        if exchange.path == "/api/tags":
            exchange.json({"models": [{"name": "m", "digest": "1"}]})
        else:
            exchange.json(told, 200 if told is not None else 500)

    async def list_twice(url: str) -> list[ModelInfo]:
        provider = create_provider("ollama", {"base_url": url}, models_dir=tmp_path)
        first = await provider.list_models()
        assert first == await provider.list_models()
        await provider.aclose()
        return first

    with scripted_server(script) as server:
        [model] = asyncio.run(list_twice(server.url))
        asked = [exchange.path for exchange in server.requests].count("/api/show")
    assert (model.id, model.context_size) == ("m", size)
    assert asked == (1 if told is not None else 2), "only what failed is asked again"
