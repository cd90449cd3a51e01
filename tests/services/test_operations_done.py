"""An operation that was carried out ends as what it was, whatever becomes of what it brought."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.adapters.connectors.base import File
from gateway.core.clock import new_id
from gateway.core.identity import SYSTEM, Actor
from gateway.core.received_file import ReceivedFile
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.artifacts.store import Store
from gateway.features.connectors import carrying, jobs
from gateway.features.connectors.models import ConnectorOperation
from gateway.features.connectors.service_execution import Report
from tests.services.conftest import Open
from tests.services.test_connector_locks import made

Rows = Callable[..., list[Any]]


class Noting(Store):
    """Notes which files were brought before a unit of work began."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.brought: list[str] = []

    def bring(self, file: ReceivedFile) -> None:
        self.brought.append(file.sha256)


@dataclass
class Doing:
    """As much of a node as carrying out an operation needs."""

    unit_of: Open
    keys: KeyStore
    store: Noting
    holder: uuid.UUID = field(default_factory=new_id)

    async def unit(self, act: Callable[[Work], Any]) -> Any:
        with self.unit_of(SYSTEM) as work:
            return act(work)


@pytest.fixture
def doing(unit: Open, keys: KeyStore, tmp_path: Path) -> Doing:
    return Doing(unit, keys, Noting(tmp_path / "artifacts"))


@pytest.fixture
def done(unit: Open, alice: Actor, doing: Doing, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ConnectorOperation]:
    """Carries out an operation that brings one file; what the records say of it then."""

    def done(filename: str = "a.txt") -> ConnectorOperation:
        async def carry_out(*_: Any) -> carrying.Carried:
            return carrying.Carried(Report(1, {"sent": True}, 12), [File(filename, "text/plain", b"brought")])

        monkeypatch.setattr(carrying, "carry_out", carry_out)
        _, operation_id = made(unit, alice, "queued")
        asyncio.run(jobs.operate(cast(Any, doing), str(operation_id)))
        with unit(SYSTEM) as work:
            row = work.session.get_one(ConnectorOperation, operation_id)
            work.session.refresh(row)
            work.session.expunge(row)
        return row

    return done


def test_its_files_are_brought_to_the_gateway_before_its_end_is_written(
    done: Callable[..., ConnectorOperation], doing: Doing
) -> None:
    row = done()
    assert (row.status, row.error) == ("completed", None)
    assert len(doing.store.brought) == 1
    assert doing.store.path(doing.store.brought[0]).read_bytes() == b"brought"


@pytest.mark.parametrize("step", ["take_in", "keep"])
def test_where_its_files_cannot_be_kept_it_is_said_that_it_was_done(
    done: Callable[..., ConnectorOperation], doing: Doing, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doing.store, step, full)
    row = done()
    assert row.status == "failed"
    assert row.error is not None
    assert row.error["code"] == "result_not_kept"
    assert "was done" in row.error["message"]
    assert [path for path in doing.store.root.rglob("*") if path.is_file()] == []


def test_a_file_may_have_a_name_that_is_no_text(done: Callable[..., ConnectorOperation]) -> None:
    row = done("\udce4\x00.txt")
    assert row.result is not None
    [artifact] = row.result["artifacts"]
    assert (row.result["sent"], artifact["filename"]) == (True, "?_.txt")
