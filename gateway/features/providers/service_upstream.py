"""Where a model is reached, for a process that passes completions on itself; and which models there are.

Providers and what nodes report are read at most once a second, keys stay opened until they are replaced or disabled.
"""

import math
import platform
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.adapters.providers.base import ProviderError, Upstream
from gateway.core.errors import NotFound
from gateway.core.policy import Resource
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.credentials.service import Stamp
from gateway.features.nodes import service as nodes
from gateway.features.settings import service as settings_of_operators

from . import service_use
from .schemas import ModelOut, ModelPrice
from .service_use import Configured

AGENT = "orchestrator"
"""The model that is the agent; every other one is PROVIDER/MODEL."""

FRESH_S = 1.0
"""How long a process may not know of a change of a provider, its key or the models there are."""


@dataclass(frozen=True)
class Server:
    """A model server as it is made an adapter of; `found` on this machine by the node here, or configured."""

    kind: str
    base_url: str | None
    settings: Configured | None = None


@dataclass(frozen=True)
class Reached:
    """Where a model is reached, and what kind of provider serves it."""

    kind: str
    upstream: Upstream


@dataclass(frozen=True)
class Known:
    """What there is at one moment: servers by provider's name, and the models that nodes have listed."""

    servers: dict[str, Server] = field(default_factory=dict)
    models: Sequence[ModelOut] = ()
    prices: dict[str, tuple[float, float]] = field(default_factory=dict)
    read_at: float = float("-inf")


class Upstreams:
    """One process's knowledge of servers and models."""

    def __init__(self, keys: KeyStore, models_dir: Path) -> None:
        self._keys = keys
        self._models_dir = models_dir
        self._known = Known()
        self._turn = threading.Lock()
        self._opened: dict[str, tuple[Stamp | None, str | None]] = {}

    def models(self, work: Work) -> Sequence[ModelOut]:
        """Every model that some online node can reach, the agent first; as it is now, for who has just added one."""
        return self._read(work).models

    def price(self, work: Work, model: str) -> tuple[float, float] | None:
        """Dollars a million tokens that `PROVIDER/MODEL` reads and writes, where somebody has told it."""
        return self._fresh(work).prices.get(model)

    def find(self, work: Work, model: str) -> Reached:
        """Where `PROVIDER/MODEL` is reached. Each use of a key is recorded.

        Raises NotFound naming the model, the errors of `credentials.use`, and ProviderError: `not_running` for a
        local model that a node has to load first.
        """
        name, _, model_id = model.partition("/")
        server = self._fresh(work).servers.get(name) or self._read(work).servers.get(name)
        settings = server.settings if server is not None else None
        if server is None or not model_id:
            raise unknown(model)
        if settings is not None and settings.models is not None and model_id not in settings.models:
            raise unknown(model)
        from gateway.adapters.providers.registry import create_provider  # loads an HTTP client: only when first needed

        address = {"base_url": server.base_url} if server.base_url is not None else {}
        key = self._key(work, settings) if settings is not None else None
        try:
            provider = create_provider(server.kind, address, models_dir=self._models_dir, api_key=key)
            return Reached(server.kind, provider.upstream(model_id))
        except ProviderError as error:
            if error.code == "unknown_model":
                raise unknown(model) from error
            raise

    def _fresh(self, work: Work) -> Known:
        """What is known, read anew when it is old; of many who find it old one reads, and the others do without."""
        if time.monotonic() - self._known.read_at <= FRESH_S:
            return self._known
        is_mine = self._turn.acquire(blocking=False)
        if not is_mine and math.isfinite(self._known.read_at):
            return self._known
        try:
            return self._read(work)
        finally:
            if is_mine:
                self._turn.release()

    def _read(self, work: Work) -> Known:
        began = time.monotonic()
        servers, models = _read(work)
        prices = {model.id: (model.price.input, model.price.output) for model in models if model.price is not None}
        self._known = Known(servers, models, prices, began)
        return self._known

    def _key(self, work: Work, settings: Configured) -> str | None:
        if settings.credential_id is None:
            return None
        stamp, key = self._opened.get(settings.name, (None, None))
        if stamp is not None and stamp.is_active and stamp == settings.key:
            about = Resource("credentials", settings.credential_id)
            work.record("credentials.use", about, allowed=True, reason=f"for the provider {settings.name}")
            return key
        key = service_use.key_of(work, self._keys, settings)
        self._opened[settings.name] = settings.key, key
        return key


def order(work: Work, model: str) -> None:
    """Has a node load a local model; it tells `model.ready` or `model.failed`."""
    work.defer("providers.prepare", {"model": model}, priority=100)


def tell_prepared(work: Work, model: str, failure: str | None) -> None:
    """What came of an `order`."""
    about = {"model": model}
    work.emit("model.ready", data=about) if failure is None else work.emit(
        "model.failed", data={**about, "reason": failure}
    )


def unknown(model: str) -> NotFound:
    """The error for a model that nobody has, naming it."""
    return NotFound(
        f"There is no model {model[:200]!r}; GET /v1/models lists those that are there.", code="model_not_found"
    )


def _read(work: Work) -> tuple[dict[str, Server], list[ModelOut]]:
    online = nodes.online(work)
    servers = {"local": Server("local", None)}
    for node in online:
        if node.host == platform.node():  # what another machine's node found on loopback is not on ours
            found: dict[str, Any] = node.capabilities.get("found_providers", {})
            servers |= {name: Server(each["kind"], each["base_url"]) for name, each in found.items()}
    named: list[str] = []
    for name, settings in service_use.configured(work).items():
        servers.pop(name, None)
        if settings.enabled:
            servers[name] = Server(settings.kind, settings.base_url, settings)
            named += [f"{name}/{model}" for model in settings.models or ()]
    started = int(min((node.started_at.timestamp() for node in online), default=0))
    models = {AGENT: ModelOut(id=AGENT, created=started, owned_by="gateway")}
    for node in online:
        for model in node.capabilities.get("models", []):
            models.setdefault(model["id"], _listed(model, started))
    for model_id in named:  # known before a node has looked at the provider
        models.setdefault(model_id, ModelOut(id=model_id, created=started, owned_by=model_id.partition("/")[0]))
    prices: dict[str, dict[str, float]] = settings_of_operators.value(work, "providers.prices")
    for model_id, known in models.items():
        set_price = prices.get(model_id) or prices.get(f"{model_id.partition('/')[0]}/*")
        if set_price is not None:
            known.price = ModelPrice(**set_price)
    return servers, list(models.values())


def _listed(model: dict[str, Any], started: int) -> ModelOut:
    """A model as a node has found it in its server's list."""
    price, provider = model.get("price"), model["id"].partition("/")[0]
    return ModelOut(
        id=model["id"], created=model.get("created") or started, owned_by=model.get("owned_by") or provider,
        context_length=model.get("context_size"), price=ModelPrice(**price) if price else None,
    )  # fmt: skip
