"""What a node writes of what it can do."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.core.config import Config
from gateway.core.database import Database
from gateway.core.unit_of_work import Work
from gateway.node.node import Node


def test_an_older_look_is_not_written_over_a_newer_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, has, written = Node(Config(data_dir=tmp_path), database, "here"), ["little"], list[str]()
    is_begun, is_overtaken = threading.Event(), threading.Event()

    async def capabilities() -> dict[str, Any]:
        return {"has": has[0]}

    def write(work: Work, found: dict[str, Any]) -> None:
        written.append(found["has"])
        is_overtaken.set()

    def write_slowly(work: Work, found: dict[str, Any]) -> None:
        is_begun.set()
        is_overtaken.wait(0.1)  # by whom nothing keeps back
        write(work, found)

    async def both() -> None:
        first = asyncio.create_task(node.report(write_slowly))
        await asyncio.to_thread(is_begun.wait, 10)
        has[0] = "much"
        await node.report(write)
        await first

    monkeypatch.setattr(node, "capabilities", capabilities)
    asyncio.run(both())
    assert written == ["little", "much"]


def test_a_node_knows_its_own_models_before_it_has_asked_any_server(database: Database, tmp_path: Path) -> None:
    node = Node(Config(data_dir=tmp_path), database, "here")
    asyncio.run(node.models.begin())
    assert "local/smollm2-135m" in {model["id"] for model in node.models.listed()}
