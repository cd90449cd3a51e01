"""A workspace and a way to run one command in it, for every sandbox test."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.sandboxes.base import Command, Limits, Outcome, Sandbox
from gateway.adapters.sandboxes.kinds.bubblewrap import Bubblewrap
from gateway.adapters.sandboxes.workspace import prepare, remove


@dataclass(frozen=True)
class Result:
    """An outcome and all that was written."""

    outcome: Outcome
    stdout: bytes
    stderr: bytes


Run = Callable[..., Result]


@pytest.fixture
def sandbox() -> Sandbox:
    """The kind under test; the contract tests give every kind in turn."""
    return Bubblewrap()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """An empty workspace."""
    folder = prepare(tmp_path / "work", "run-1")
    yield folder
    remove(folder)


@pytest.fixture
def run(sandbox: Sandbox, workspace: Path) -> Run:
    """Run `run(*argv, limits=…, env=…, …)` to its end."""

    def run(*argv: str, limits: Limits | None = None, **options: Any) -> Result:
        written = {"stdout": b"", "stderr": b""}

        def take(stream: str, chunk: bytes) -> None:
            written[stream] += chunk

        command = Command(argv, **options)
        outcome = asyncio.run(sandbox.run(workspace, command, limits or Limits(wall_s=30), take))
        return Result(outcome, **written)

    return run
