"""The models this node can reach: the local ones, those of providers somebody added, and those found here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from gateway.adapters.providers.base import (
    Ability,
    Message,
    ModelInfo,
    ProgressHook,
    Provider,
    ProviderError,
    Timeouts,
    Upstream,
)
from gateway.adapters.providers.completion import Completion, complete
from gateway.adapters.providers.discovery import discover
from gateway.adapters.providers.local_model.catalogue import CATALOGUE
from gateway.adapters.providers.registry import create_provider
from gateway.core.clock import now
from gateway.core.config import Config
from gateway.core.errors import GatewayError, NotReady
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.providers import service_use
from gateway.features.providers.schemas import ProviderTest
from gateway.features.providers.service_use import Configured

R = TypeVar("R")

TEST_TIMEOUTS = Timeouts(connect=3, first_byte=5, idle=5, total=8, list=5)
MOST_MODELS = 200
"""How many models the answer of a test names."""


class Units(Protocol):
    """Runs a function in a unit of work, as `Node.unit` does."""

    def __call__(self, act: Callable[[Work], R], /) -> Awaitable[R]:
        """What the function returned."""


@dataclass(eq=False)
class _Open:
    """A provider ready to be called. One that was replaced is closed when its last call has ended."""

    provider: Provider[Any]
    settings: Configured | None
    calls: int = 0
    replaced: bool = False

    @asynccontextmanager
    async def called(self) -> AsyncIterator[None]:
        """It stays open meanwhile."""
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            if self.replaced and not self.calls:
                await self.provider.aclose()

    async def end(self) -> None:
        """Closes it now, or leaves that to its last call."""
        self.replaced = True
        if not self.calls:
            await self.provider.aclose()


class Models:
    """Providers by name, kept open while they stay as they are. Those somebody added go before those found."""

    def __init__(self, config: Config, unit: Units, keys: KeyStore) -> None:
        self._config = config
        self._unit = unit
        self._keys = keys
        self._opening = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._configured: Mapping[str, Configured] = {}
        self._open: dict[str, _Open] = {"local": _Open(self._make("local", {}), None)}
        self._listed: dict[str, list[dict[str, Any]]] = {}
        self._found: dict[str, dict[str, str]] = {}
        self.abilities: dict[str, Ability] = {}
        """What was learned about models: how they can be given tools."""

    async def begin(self) -> None:
        """Lists the local models, which need no server to answer: a node that joins can tell of them at once."""
        self._listed = {"local": await self._list("local")}

    async def refresh(self) -> bool:
        """Looks for model servers, here and among the configured, and asks all of them for their models.

        Returns whether there are others than before. One look comes after another, lest an older one be the last.
        """
        async with self._looking:
            return await self._look()

    async def _look(self) -> bool:
        self._configured = await self._unit(service_use.configured)
        found = {server.product.lower().replace(" ", "-"): server for server in await discover()}
        found = {name: server for name, server in found.items() if name not in self._configured}
        for name, held in list(self._open.items()):
            gone = name not in found and name != "local" if held.settings is None else name not in self._configured
            if gone and self._open.get(name) is held:  # another look may have taken it out, or put another in its place
                del self._open[name]
                await held.end()
        for name, server in found.items():
            if name not in self._open:
                self._open[name] = _Open(self._make(server.kind, {"base_url": server.base_url}), None)
        self._found = {name: {"kind": each.kind, "base_url": each.base_url} for name, each in found.items()}
        names = sorted({*self._open, *self._configured})
        listed = await asyncio.gather(*(self._list(name) for name in names))
        before, self._listed = self._listed, dict(zip(names, listed, strict=True))
        return self._listed != before

    async def follow(self) -> bool:
        """Refreshes when a provider or its key has changed; returns whether there are other models than before."""
        return await self._unit(service_use.configured) != self._configured and await self.refresh()

    def listed(self) -> list[dict[str, Any]]:
        """The models of the last refresh: id, owner, context size in tokens and Unix time of making where known."""
        return [model for name in sorted(self._listed) for model in self._listed[name]]

    def local(self) -> list[dict[str, Any]]:
        """The models that this program brings: size in bytes, and whether the weights are on this node."""
        folder = self._config.models_path
        return [
            {
                "id": f"local/{model.name}", "title": model.title, "licence": model.licence, "size": model.size,
                "is_here": model.is_present(folder),
            }
            for model in CATALOGUE.values()
        ]  # fmt: skip

    def context_size(self, model: str) -> int | None:
        """How many tokens `PROVIDER/MODEL` reads at once, where its server tells it."""
        of_provider = self._listed.get(model.partition("/")[0], [])
        return next((each["context_size"] for each in of_provider if each["id"] == model), None)

    async def is_at_hand(self, model: str) -> bool:
        """Whether `PROVIDER/MODEL` can answer at once: it is listed, and nothing has to be fetched before."""
        name = model.partition("/")[0]
        if name not in self._open or all(each["id"] != model for each in self._listed.get(name, [])):
            return False
        return (await self._open[name].provider.health()).ok

    def price(self, model: str) -> tuple[float, float] | None:
        """Dollars a million tokens that `PROVIDER/MODEL` reads and writes, where its server tells it."""
        of_provider = self._listed.get(model.partition("/")[0], [])
        price = next((each["price"] for each in of_provider if each["id"] == model), None)
        return (price["input"], price["output"]) if price is not None else None

    def found(self) -> dict[str, dict[str, str]]:
        """The model servers found on this machine, by provider's name: kind and base_url."""
        return self._found

    async def prepare(self, model: str) -> None:
        """Makes `PROVIDER/MODEL` ready to answer. Raises ProviderError."""
        await self.upstream(model)

    async def upstream(self, model: str, on_progress: ProgressHook | None = None) -> Upstream:
        """Where `PROVIDER/MODEL` is reached, once it is ready to answer. Raises ProviderError."""
        name, _, model_id = model.partition("/")
        held = await self._for_call(name, model_id)
        if held is None or not model_id:
            raise _unknown(model)
        async with held.called():
            await held.provider.prepare(model_id, on_progress)
            return held.provider.upstream(model_id)

    async def complete(
        self, model: str, prompt: str | Sequence[Message], *, on_text: Callable[[str], None],
        on_progress: ProgressHook, **options: Any,
    ) -> Completion:  # fmt: skip
        """One answer from `PROVIDER/MODEL`; `options` are those of `Provider.chat`. Raises ProviderError."""
        name, _, model_id = model.partition("/")
        held = await self._for_call(name, model_id)
        if held is None or not model_id:
            raise _unknown(model)
        async with held.called():
            return await complete(held.provider, model_id, prompt, on_text, on_progress=on_progress, **options)

    async def test(self, settings: Configured) -> ProviderTest:
        """Tries a provider with a fresh connection and short waits; never raises for what the provider does."""
        try:
            provider = await self._made(settings, TEST_TIMEOUTS)
        except ProviderError as error:
            return service_use.failed(str(error), "Correct the provider, or its credential.")
        try:
            health = await provider.health()
            models = [model.id for model in await provider.list_models()] if health.ok else []
        except ProviderError as error:
            return service_use.failed(str(error), None)
        finally:
            await provider.aclose()
        return ProviderTest(
            ok=health.ok, reason=health.reason, remedy=health.remedy, latency_ms=health.latency_ms,
            models=models[:MOST_MODELS], tested_at=now(),
        )  # fmt: skip

    async def close(self) -> None:
        """Gives back connections; a local model's server ends with this process."""
        for held in self._open.values():
            await held.provider.aclose()

    async def _for_call(self, name: str, model_id: str) -> _Open | None:
        """The provider of that name, as it is configured at this moment; None where there is none."""
        settings = (await self._unit(service_use.configured)).get(name)
        if settings is None:
            held = self._open.get(name)
            if held is None or held.settings is not None:
                await self.refresh()
            return self._open.get(name)
        if not settings.enabled:
            raise ProviderError(f"The provider {name} is not enabled.", code="provider_disabled", permanent=True)
        if settings.models is not None and model_id not in settings.models:
            raise _unknown(f"{name}/{model_id}")
        held = self._open.get(name)
        if held is not None and held.settings == settings:
            await self._key(settings)  # each use is recorded, and refused once the key may not be used
            return await self._for_call(name, model_id) if held.replaced else held
        return await self._renewed(settings)

    async def _renewed(self, settings: Configured) -> _Open:
        """The provider, opened with these settings; whatever was open under its name ends."""
        async with self._opening:
            held = self._open.get(settings.name)
            if held is None or held.settings != settings:
                fresh = _Open(await self._made(settings), settings)
                self._open[settings.name] = fresh
                if held is not None:
                    await held.end()
                held = fresh
        return held

    async def _made(self, settings: Configured, timeouts: Timeouts | None = None) -> Provider[Any]:
        address = {"base_url": settings.base_url} if settings.base_url is not None else {}
        return self._make(settings.kind, address, await self._key(settings), timeouts)

    async def _key(self, settings: Configured) -> str | None:
        if settings.credential_id is None:
            return None
        try:
            return await self._unit(lambda work: service_use.key_of(work, self._keys, settings))
        except GatewayError as error:
            passing = isinstance(error, NotReady)
            raise ProviderError(error.detail, code="credential_unusable", permanent=not passing) from error

    def _make(
        self, kind: str, settings: dict[str, Any], api_key: str | None = None, timeouts: Timeouts | None = None
    ) -> Provider[Any]:
        return create_provider(kind, settings, models_dir=self._config.models_path, api_key=api_key, timeouts=timeouts)

    async def _list(self, name: str) -> list[dict[str, Any]]:
        settings = self._configured.get(name)
        if settings is not None and not settings.enabled:
            return []
        try:
            held = await self._renewed(settings) if settings is not None else self._open[name]
            if settings is not None and settings.models is not None:
                return [_entry(name, ModelInfo(model, name)) for model in settings.models]
            models = await held.provider.list_models()
        except ProviderError:
            return self._listed.get(name, [])  # one that does not answer now is still there
        return [_entry(name, model) for model in models]


def _entry(provider: str, model: ModelInfo) -> dict[str, Any]:
    return {
        "id": f"{provider}/{model.id}",
        "owned_by": model.owned_by,
        "context_size": model.context_size,
        "price": {"input": model.price[0], "output": model.price[1]} if model.price is not None else None,
        "created": int(model.created.timestamp()) if model.created is not None else None,
    }


def _unknown(model: str) -> ProviderError:
    return ProviderError(
        f"There is no model {model!r}; GET /v1/models lists those that are there.", code="unknown_model", permanent=True
    )
