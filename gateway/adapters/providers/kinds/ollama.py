"""Ollama: chat through its OpenAI-compatible endpoint, models from its own listing."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.adapters.providers.base import ModelInfo, ProviderConfig, ProviderError, Upstream
from gateway.adapters.providers.openai_protocol import OpenAIProvider, bearer
from gateway.core.addresses import checked_base_url


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
        answer = await self.get_json(Upstream(self._root, "", bearer(self._api_key)), "/api/tags")
        models = answer.get("models") if isinstance(answer, dict) else None
        if not isinstance(models, list):
            raise ProviderError(
                f"{self._root} does not answer as Ollama does; check the provider's address.",
                code="bad_response",
                permanent=False,
            )
        return [
            ModelInfo(str(model["name"]), owned_by="ollama", created=_time(model.get("modified_at")))
            for model in models
            if isinstance(model, dict) and "name" in model
        ]

    def remedy(self) -> str:
        return "Start Ollama (`ollama serve`), or correct the provider's address."

    @property
    def _root(self) -> str:
        return self.config.base_url.removesuffix("/v1")


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
