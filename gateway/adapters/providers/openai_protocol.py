"""What the kinds that speak OpenAI's chat protocol share: asking, listing, health, the key's header."""

import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.providers.base import (
    ConfigT,
    Delta,
    Health,
    Message,
    ModelInfo,
    ProgressHook,
    Provider,
    ProviderError,
    Upstream,
)
from gateway.adapters.providers.openai_failures import bad_response

if TYPE_CHECKING:
    import httpx

    from gateway.adapters.providers.openai_call import Call

A_MILLION = 1_000_000

LONG_READING_S = 2.0
"""Of a question that is read for longer it is told how far that is."""


class OpenAIProvider(Provider[ConfigT]):
    """A provider whose upstream speaks OpenAI's protocol; a kind adds where it is and what it offers."""

    _http: "httpx.AsyncClient | None" = None

    @abstractmethod
    def remedy(self) -> str:
        """What a person can do when the upstream does not answer."""

    async def chat(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        response_format: Mapping[str, Any] | None = None,
        on_progress: ProgressHook | None = None,
    ) -> AsyncGenerator[Delta]:
        await self.prepare(model, on_progress)
        upstream = self.upstream(model)
        options = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stop": stop,
            "response_format": response_format,
        }
        body = {
            "model": upstream.model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            **upstream.asked_of_streams,
            **{name: value for name, value in options.items() if value is not None},
        }
        call = self._call(upstream)
        began = time.monotonic()
        async with aclosing(call.stream_chat(body)) as deltas:
            async for delta in deltas:
                if delta.read is not None and on_progress is not None and time.monotonic() - began > LONG_READING_S:
                    on_progress("Reading the question", *delta.read)
                yield delta

    async def list_models(self) -> list[ModelInfo]:
        answer = await self.get_json(self.upstream(""), "/models")
        models = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(models, list):
            raise bad_response(self.upstream("").base_url)
        return [_model_info(model) for model in models if isinstance(model, dict) and "id" in model]

    async def health(self) -> Health:
        started = time.perf_counter()
        try:
            await self.list_models()
        except ProviderError as error:
            return Health(ok=False, reason=str(error), remedy=self.remedy())
        return Health(ok=True, latency_ms=(time.perf_counter() - started) * 1000)

    async def get_json(self, upstream: Upstream, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """GET `path` below the upstream's base URL, or POST `body` there; the parsed answer. Raises ProviderError."""
        return await self._call(upstream).get_json(path, body)

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _call(self, upstream: Upstream) -> "Call":
        from gateway.adapters.providers.openai_call import Call  # a node that has asked no model does without
        from gateway.adapters.providers.transport import http_client

        if self._http is None:
            self._http = http_client(upstream.base_url, connect_s=self.timeouts.connect)
        return Call(self._http, upstream, self.timeouts)


def bearer(api_key: str | None) -> dict[str, str]:
    """The headers that carry the key. Raises ProviderError for a key no header can hold."""
    if api_key is None:
        return {}
    if not api_key.isascii() or not api_key.isprintable():
        raise ProviderError(
            "The provider's key holds characters that no key has; enter it again.",
            code="unauthorized",
            permanent=True,
        )
    return {"Authorization": f"Bearer {api_key}"}


def _model_info(model: Mapping[str, Any]) -> ModelInfo:
    """Read a model's entry; servers name the size of its context in their own ways."""
    meta = model.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    sizes = (meta.get("n_ctx"), model.get("max_model_len"), model.get("context_length"))
    return ModelInfo(
        id=str(model["id"]),
        owned_by=str(model.get("owned_by") or ""),
        context_size=next((size for size in sizes if isinstance(size, int)), None),
        price=_price(model.get("pricing")),
        created=_moment(model.get("created")),
    )


def _moment(seconds: Any) -> datetime | None:
    """A Unix time as servers list it: 0 where they do not know, and milliseconds, which no date can hold, with some."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _price(listed: Any) -> tuple[float, float] | None:
    """What a list of models says they cost; those that do name dollars a token, as text."""
    try:
        price = float(listed["prompt"]) * A_MILLION, float(listed["completion"]) * A_MILLION
    except (TypeError, KeyError, ValueError):
        return None
    return price if all(0 <= each < A_MILLION for each in price) else None
