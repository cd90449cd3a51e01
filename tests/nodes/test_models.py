"""A node's providers are looked for, replaced and called at the same time."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.adapters.providers.base import ModelInfo
from gateway.core.config import Config
from gateway.features.providers import service_use
from gateway.features.providers.service_use import Configured
from gateway.node import models as of_node
from gateway.node.models import Models


@dataclass
class Fake:
    """A provider that can be called until it is closed."""

    base_url: str
    calls: list[str] = field(default_factory=list)
    is_closed: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    until: asyncio.Event | None = None

    async def prepare(self, model: str, on_progress: Any = None) -> None:
        self.asked.set()
        if self.until is not None:
            await self.until.wait()
        assert not self.is_closed
        self.calls.append(model)

    def upstream(self, model: str) -> Any:
        return SimpleNamespace(base_url=self.base_url, model=model)

    async def list_models(self) -> list[ModelInfo]:
        return [ModelInfo("m", owned_by=self.base_url)]

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class World:
    """What is configured, whatever was made of it, and a gate at which the next reading of a key waits."""

    known: dict[str, Configured]
    made: list[Fake] = field(default_factory=list)
    gate: asyncio.Event | None = None
    at_gate: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    most_looks: int = 0

    async def unit(self, act: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        if act is service_use.configured:
            return dict(self.known)
        gate, self.gate = self.gate, None
        if gate is not None:
            self.at_gate.set()
            await gate.wait()
        return "key"

    def make(self, kind: str, settings: dict[str, Any], **_: Any) -> Fake:
        self.made.append(Fake(settings.get("base_url", "")))
        return self.made[-1]

    async def discover(self) -> list[Any]:
        self.looks += 1
        self.most_looks = max(self.most_looks, self.looks)
        await asyncio.sleep(0)
        self.looks -= 1
        return []


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    base = Configured(uuid.uuid4(), "p", "openai_compatible", "http://one/v1", None, True, uuid.uuid4(), None)
    world = World({"p": base})
    monkeypatch.setattr(of_node, "create_provider", world.make)
    monkeypatch.setattr(of_node, "discover", world.discover)
    return world


def models(world: World, folder: Path) -> Models:
    return Models(Config(data_dir=folder), world.unit, None)  # type: ignore[arg-type]


def test_a_provider_replaced_while_its_key_is_read_is_not_called_any_more(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        held = models(world, tmp_path)
        await held.upstream("p/m")
        gate = world.gate = asyncio.Event()
        asking = asyncio.create_task(held.upstream("p/m"))
        await world.at_gate.wait()
        world.known["p"] = replace(world.known["p"], base_url="http://two/v1")
        await held.refresh()
        gate.set()
        assert (await asking).base_url == "http://two/v1"
        assert [each.is_closed for each in world.made] == [False, True, False]

    asyncio.run(go())


def test_a_provider_stays_open_while_a_model_is_made_ready(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        held = models(world, tmp_path)
        await held.refresh()
        before = world.made[-1]
        before.until = asyncio.Event()
        asking = asyncio.create_task(held.upstream("p/m"))
        await before.asked.wait()
        world.known["p"] = replace(world.known["p"], base_url="http://two/v1")
        await held.refresh()
        assert not before.is_closed
        before.until.set()
        assert (await asking).base_url == "http://one/v1"
        assert before.is_closed

    asyncio.run(go())


def test_one_look_comes_after_another(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        held = models(world, tmp_path)
        await asyncio.gather(*(held.refresh() for _ in range(5)))
        assert world.most_looks == 1

    asyncio.run(go())
