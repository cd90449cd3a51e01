"""Finds model servers that run on this machine. It asks loopback addresses only, and trusts no port number:
each product is recognised by an answer that only it gives."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What a probe got: status, headers, and the parsed JSON body (None where it is none)."""

    status: int
    headers: "httpx.Headers"
    json: Any


Get = Callable[[str], Awaitable[Answer]]


@dataclass(frozen=True)
class Identity:
    """A recognised server's models; `needs_key` where it would not list them without one."""

    models: list[str]
    needs_key: bool = False


@dataclass(frozen=True)
class Product:
    """A model server as it is found: its usual port, the provider kind that fits, how it is recognised."""

    name: str
    kind: str
    port: int
    base_path: str
    identify: Callable[[Get], Awaitable[Identity | None]]


@dataclass(frozen=True)
class Found:
    """A model server that runs here, ready to be added as a provider."""

    product: str
    kind: str
    base_url: str
    models: list[str]
    needs_key: bool


async def _ollama(get: Get) -> Identity | None:
    version = await get("/api/version")
    tags = await get("/api/tags")
    models = _entries(tags, "models", "name")
    return Identity(models) if isinstance(_field(version, "version"), str) and models is not None else None


async def _lm_studio(get: Get) -> Identity | None:
    # The greeting by which LM Studio's own tools recognise it.
    if _field(await get("/lmstudio-greeting"), "lmstudio") is not True:
        return None
    return Identity(_entries(await get("/v1/models"), "data", "id") or [])


async def _llama_cpp(get: Get) -> Identity | None:
    listing = await get("/v1/models")
    if listing.headers.get("server") != "llama.cpp" and not _owned_by(listing, "llamacpp"):
        return None
    return Identity(_entries(listing, "data", "id") or [], needs_key=listing.status == 401)


async def _vllm(get: Get) -> Identity | None:
    listing = await get("/v1/models")
    return Identity(_entries(listing, "data", "id") or []) if _owned_by(listing, "vllm") else None


PRODUCTS = (
    Product("Ollama", "ollama", 11434, "", _ollama),
    Product("LM Studio", "openai_compatible", 1234, "/v1", _lm_studio),
    Product("llama.cpp", "openai_compatible", 8080, "/v1", _llama_cpp),
    Product("vLLM", "openai_compatible", 8000, "/v1", _vllm),
)


async def discover(products: Sequence[Product] = PRODUCTS, timeout_s: float = 0.3) -> list[Found]:
    """The model servers found on this machine, all asked at once: `timeout_s` seconds to connect, and to answer.

    Where nothing listens at any of their ports, no HTTP client is loaded: a node at rest does without its 5 MB.
    """
    there = await asyncio.gather(*(_listens(product.port, timeout_s) for product in products))
    listening = [product for product, is_there in zip(products, there, strict=True) if is_there]
    if not listening:
        return []
    from gateway.adapters.providers.transport import http_client

    async with http_client("http://127.0.0.1", connect_s=timeout_s) as client:
        found = await asyncio.gather(*(_probe(client, product, timeout_s) for product in listening))
    return [server for server in found if server is not None]


async def _listens(port: int, timeout_s: float) -> bool:
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def _probe(client: "httpx.AsyncClient", product: Product, timeout_s: float) -> Found | None:
    import httpx

    root = f"http://127.0.0.1:{product.port}"
    try:
        async with asyncio.timeout(timeout_s):
            identity = await product.identify(lambda path: _get(client, root + path))
    except (TimeoutError, httpx.HTTPError):
        return None
    if identity is None:
        return None
    return Found(product.name, product.kind, root + product.base_path, identity.models, identity.needs_key)


async def _get(client: "httpx.AsyncClient", url: str) -> Answer:
    async with client.stream("GET", url) as response:
        body = b""
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                break
        return Answer(response.status_code, response.headers, _json(body))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _field(answer: Answer, name: str) -> Any:
    return answer.json.get(name) if answer.status == 200 and isinstance(answer.json, dict) else None


def _entries(answer: Answer, name: str, key: str) -> list[str] | None:
    entries = _field(answer, name)
    if not isinstance(entries, list):
        return None
    return [str(entry[key]) for entry in entries if isinstance(entry, dict) and key in entry]


def _owned_by(answer: Answer, owner: str) -> bool:
    entries = _field(answer, "data")
    return isinstance(entries, list) and any(
        isinstance(entry, dict) and entry.get("owned_by") == owner for entry in entries
    )
