"""Ollama: chat through its OpenAI-compatible endpoint, models from its own listing."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from gateway.adapters.providers.base import ModelInfo, ProviderConfig, ProviderError, Upstream
from gateway.adapters.providers.openai_protocol import OpenAIProvider, bearer
from gateway.core.outbound.addresses import checked_base_url

_NUM_CTX = re.compile(r"^num_ctx\s+(\d{1,9})\s*$", re.MULTILINE)


class OllamaConfig(ProviderConfig):
    """`base_url` is where Ollama listens, without `/v1`."""

    base_url: Annotated[str, AfterValidator(checked_base_url)] = Field(
        "http://127.0.0.1:11434", title="Address", description="Where Ollama listens."
    )


class Ollama(OpenAIProvider[OllamaConfig]):
    """An Ollama server; its models are those it has pulled."""

    kind = "ollama"
    Config = OllamaConfig

    def upstream(self, model: str) -> Upstream:
        return Upstream(f"{self._root}/v1", model, bearer(self._api_key))

    async def list_models(self) -> list[ModelInfo]:
        answer = await self.get_json(self._own, "/api/tags")
        models = answer.get("models") if isinstance(answer, dict) else None
        if not isinstance(models, list):
            raise ProviderError(
                f"{self._root} does not answer as Ollama does; check the provider's address.",
                code="bad_response",
                permanent=False,
            )
        named = {str(model["name"]): model for model in models if isinstance(model, dict) and "name" in model}
        for name, model in named.items():
            try:
                await self._learn_size(name, str(model.get("digest")))
            except ProviderError:
                break  # the list is worth more than the sizes
        return [
            ModelInfo(
                name, owned_by="ollama", created=_time(model.get("modified_at")),
                context_size=self._sizes.get((name, str(model.get("digest")))),
            )
            for name, model in named.items()
        ]  # fmt: skip

    async def _learn_size(self, model: str, digest: str) -> None:
        """Asks how many tokens a model reads at once, once for each version of it. Raises ProviderError."""
        if (model, digest) not in self._sizes:
            told = await self.get_json(self._own, "/api/show", {"model": model})
            self._sizes[model, digest] = _size(told) if isinstance(told, dict) else None

    def remedy(self) -> str:
        return "Start Ollama (`ollama serve`), or correct the provider's address."

    @property
    def _own(self) -> Upstream:
        """Where it speaks its own protocol."""
        return Upstream(self._root, "", bearer(self._api_key))

    @cached_property
    def _sizes(self) -> dict[tuple[str, str], int | None]:
        """Context sizes by name and digest of the model."""
        return {}

    @property
    def _root(self) -> str:
        return self.config.base_url.removesuffix("/v1")


def _size(told: Mapping[str, Any]) -> int | None:
    """The size that the model's own file sets (`num_ctx`), else the longest that it was made for."""
    if found := _NUM_CTX.search(str(told.get("parameters") or "")):
        return int(found[1])
    info = told.get("model_info")
    sizes = info.items() if isinstance(info, dict) else ()
    return next((size for name, size in sizes if name.endswith(".context_length") and isinstance(size, int)), None)


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
