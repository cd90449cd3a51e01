"""The models this node can reach: the local ones and those of servers found on this machine."""

from collections.abc import Callable
from typing import Any

from gateway.adapters.providers.base import ProgressHook, Provider, ProviderError
from gateway.adapters.providers.completion import Completion, complete
from gateway.adapters.providers.discovery import discover
from gateway.adapters.providers.registry import create_provider
from gateway.core.config import Config


class Models:
    """Providers by name, kept while their servers are there."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._providers: dict[str, Provider[Any]] = {"local": self._make("local", {})}
        self._listed: dict[str, list[dict[str, Any]]] = {}

    async def refresh(self) -> None:
        """Looks for model servers on this machine and asks all providers for their models."""
        found = {server.product.lower().replace(" ", "-"): server for server in await discover()}
        for name in set(self._providers) - set(found) - {"local"}:
            await self._providers.pop(name).aclose()
        for name, server in found.items():
            if name not in self._providers:
                self._providers[name] = self._make(server.kind, {"base_url": server.base_url})
        self._listed = {name: await self._list(name) for name in self._providers}

    def listed(self) -> list[dict[str, Any]]:
        """The models of the last refresh: id, owner, context size in tokens where known."""
        return [model for name in sorted(self._listed) for model in self._listed[name]]

    async def complete(
        self, model: str, prompt: str, *, on_text: Callable[[str], None], on_progress: ProgressHook
    ) -> Completion:
        """One answer from `PROVIDER/MODEL`. Raises ProviderError."""
        name, _, model_id = model.partition("/")
        if name not in self._providers:
            await self.refresh()
        provider = self._providers.get(name)
        if provider is None or not model_id:
            raise ProviderError(
                f"There is no model {model!r}; GET /v1/models lists those that are there.",
                code="unknown_model",
                permanent=True,
            )
        return await complete(provider, model_id, prompt, on_text, on_progress=on_progress)

    async def close(self) -> None:
        """Gives back connections; a local model's server ends with this process."""
        for provider in self._providers.values():
            await provider.aclose()

    def _make(self, kind: str, settings: dict[str, Any]) -> Provider[Any]:
        return create_provider(kind, settings, models_dir=self._config.models_path)

    async def _list(self, name: str) -> list[dict[str, Any]]:
        try:
            models = await self._providers[name].list_models()
        except ProviderError:
            return []
        return [
            {"id": f"{name}/{model.id}", "owned_by": model.owned_by, "context_size": model.context_size}
            for model in models
        ]
