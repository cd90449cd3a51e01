"""Model servers on this machine are found by what they answer, not by the port they sit on."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from gateway.adapters.providers.discovery import PRODUCTS, Found, discover
from gateway.adapters.providers.registry import KINDS, create_provider
from tests.providers.scripted_server import Exchange, Script, scripted_server

OLLAMA, LM_STUDIO, LLAMA_CPP, VLLM = PRODUCTS


def ollama(exchange: Exchange) -> None:
    """What Ollama answers (its API documentation: version, tags)."""
    answers = {"/api/version": {"version": "0.12.6"}, "/api/tags": {"models": [{"name": "llama3:8b"}]}}
    exchange.json(answers.get(exchange.path, {}), 200 if exchange.path in answers else 404)


def lm_studio(exchange: Exchange) -> None:
    """What LM Studio answers: unknown paths get 200 and an error."""
    answers = {
        "/lmstudio-greeting": {"lmstudio": True},
        "/v1/models": {"object": "list", "data": [{"id": "qwen3-4b", "object": "model"}]},
    }
    exchange.json(answers.get(exchange.path, {"error": f"Unexpected endpoint or method. (GET {exchange.path})"}))


def somebody_else(exchange: Exchange) -> None:
    """An ordinary web server: whatever is asked, a JSON object comes back."""
    exchange.json({"status": "ok", "data": [], "models": {}, "version": 3})


def found_at(script: Script) -> list[Found]:
    """What is found where one server answers on every port that is asked."""
    with scripted_server(script) as server:
        return asyncio.run(discover([replace(product, port=server.port) for product in PRODUCTS], timeout_s=20))


def test_ollama_is_found_with_its_models() -> None:
    (found,) = found_at(ollama)
    assert (found.product, found.kind, found.models) == ("Ollama", "ollama", ["llama3:8b"])


def test_lm_studio_is_found_with_its_models() -> None:
    (found,) = found_at(lm_studio)
    assert (found.product, found.kind, found.models) == ("LM Studio", "openai_compatible", ["qwen3-4b"])
    assert found.base_url.endswith("/v1")


def test_a_real_llama_cpp_server_is_found_and_its_need_of_a_key_told(shared_data_dir: Path) -> None:
    provider = create_provider("local", {}, models_dir=shared_data_dir / "models")
    asyncio.run(provider.prepare("smollm2-135m"))
    base_url = provider.upstream("smollm2-135m").base_url
    port = int(base_url.rpartition(":")[2].removesuffix("/v1"))
    found = asyncio.run(discover([replace(product, port=port) for product in PRODUCTS], timeout_s=20))
    assert found == [Found("llama.cpp", "openai_compatible", base_url, [], needs_key=True)]


def test_any_other_server_is_ignored() -> None:
    assert found_at(somebody_else) == []


def test_a_server_that_hangs_or_floods_costs_no_more_than_the_limit() -> None:
    def flood(exchange: Exchange) -> None:
        exchange.begin(200, "application/json")
        while True:
            exchange.write(b"x" * 65536)

    for script in (lambda exchange: exchange.pause(60), flood):
        with scripted_server(script) as server:
            products = [replace(product, port=server.port) for product in PRODUCTS]
            started = time.monotonic()
            assert asyncio.run(discover(products, timeout_s=0.3)) == []
            assert time.monotonic() - started < 30


def test_only_this_machine_is_asked_and_every_kind_exists() -> None:
    found = asyncio.run(discover())
    assert all(server.base_url.startswith("http://127.0.0.1:") for server in found)
    assert {product.kind for product in PRODUCTS} <= set(KINDS)
