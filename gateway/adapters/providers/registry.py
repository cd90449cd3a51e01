"""The kinds of model providers there are, and how one is made from plain values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.adapters.providers.base import Provider, ProviderError, Timeouts
from gateway.adapters.providers.kinds.local import Local
from gateway.adapters.providers.kinds.ollama import Ollama
from gateway.adapters.providers.kinds.openai_compatible import OpenAICompatible
from gateway.core.findings import first_finding

KINDS: dict[str, type[Provider[Any]]] = {
    "local": Local,
    "ollama": Ollama,
    "openai_compatible": OpenAICompatible,
}


def config_schemas() -> dict[str, dict[str, Any]]:
    """Kind to the JSON Schema of its settings."""
    return {kind: provider.Config.model_json_schema() for kind, provider in KINDS.items()}


def create_provider(
    kind: str,
    config: Mapping[str, Any],
    *,
    models_dir: Path,
    api_key: str | None = None,
    timeouts: Timeouts | None = None,
) -> Provider[Any]:
    """A provider of `kind`. Raises a permanent ProviderError for an unknown kind or unfit settings."""
    if kind not in KINDS:
        raise ProviderError(
            f"There is no provider kind {kind!r}; choose one of {', '.join(KINDS)}.",
            code="unknown_kind",
            permanent=True,
        )
    provider = KINDS[kind]
    try:
        settings = provider.Config.model_validate(config)
    except ValidationError as error:
        told = f"The provider's settings do not fit: {first_finding(error)}."
        raise ProviderError(told, code="invalid_config", permanent=True) from None
    return provider(settings, models_dir=models_dir, api_key=api_key, timeouts=timeouts)
