"""Bytes of artifacts: none that is needed goes, none that is not stays, whoever does what at the same moment."""

import hashlib
import io
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.received_file import ReceivedFile
from gateway.features.artifacts import service, service_purge
from gateway.features.artifacts.service import Upload
from gateway.features.artifacts.store import LEFT_AFTER_S, Store
from tests.conftest import wait_until
from tests.services.conftest import Open
from tests.services.test_connector_locks import WAITING

Rows = Callable[..., list[Any]]
NOTED = "SELECT count(*) FROM artifact_unused_files WHERE sha256 = :sha256"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "artifacts")


def fresh(store: Store) -> ReceivedFile:
    return store.take_in(io.BytesIO(uuid.uuid4().bytes), 100)


def kept(unit: Open, actor: Actor, store: Store, content: bytes) -> uuid.UUID:
    with unit(actor) as work:
        return service.add(work, store, Upload(store.take_in(io.BytesIO(content), 100), "x")).id


def carry_in(unit: Open, store: Store, file: ReceivedFile) -> None:
    with unit(SYSTEM) as work:
        service.carried_in(work, store, file.sha256, file)


def look(unit: Open, store: Store, sha256: str) -> None:
    """What a node's duty does about one file."""
    with unit(SYSTEM) as work:
        service_purge.remove_file(work, store, sha256)


def test_bytes_that_are_gone_are_brought_again_within_the_unit_that_keeps_them(
    unit: Open, alice: Actor, store: Store, tmp_path: Path
) -> None:
    class Far(Store):
        def keep(self, file: ReceivedFile) -> None:
            with ThreadPoolExecutor() as gateway:  # another process: it cannot take what this one's transaction holds
                copy = store.take_in(io.BytesIO(file.path.read_bytes()), 100)
                gateway.submit(carry_in, unit, store, copy).result(10)

    far = Far(tmp_path / "far")
    file = fresh(far)
    with unit(alice) as work:
        service.add(work, far, Upload(file, "x"))
    _age(store, file.sha256)
    look(unit, store, file.sha256)
    assert store.path(file.sha256).exists()


def test_what_a_node_brought_is_left_for_a_while(unit: Open, store: Store) -> None:
    again, file = fresh(store), fresh(store)
    copy = store.take_in(io.BytesIO(again.path.read_bytes()), 100)
    carry_in(unit, store, again)
    _age(store, again.sha256)
    for brought in (copy, file):
        carry_in(unit, store, brought)
        look(unit, store, brought.sha256)
        assert store.path(brought.sha256).exists()
        _age(store, brought.sha256)
        look(unit, store, brought.sha256)
        assert not store.path(brought.sha256).exists()


def half_purged(unit: Open, alice: Actor, store: Store) -> tuple[str, uuid.UUID]:
    """The digest of a file of two artifacts, the first of which is purged, and the other."""
    content = uuid.uuid4().bytes
    sha256 = hashlib.sha256(content).hexdigest()
    first, last = kept(unit, alice, store, content), kept(unit, alice, store, content)
    _age(store, sha256)
    purge(unit, first)
    return sha256, last


def test_a_file_whose_last_artifact_is_purged_while_it_is_looked_at_is_looked_at_again(
    unit: Open, alice: Actor, store: Store, rows: Rows
) -> None:
    sha256, last = half_purged(unit, alice, store)
    purging = threading.Thread(target=purge, args=(unit, last))
    with unit(SYSTEM) as work:
        service_purge.remove_file(work, store, sha256)
        work.session.flush()
        purging.start()
        wait_until(lambda: rows(WAITING) != [(0,)] or not purging.is_alive(), 10)
    purging.join()
    assert store.path(sha256).exists()
    assert rows(NOTED, sha256=sha256) == [(1,)]
    look(unit, store, sha256)
    assert not store.path(sha256).exists()


def test_a_file_is_looked_at_when_the_purge_of_its_last_artifact_is_through(
    unit: Open, alice: Actor, store: Store, rows: Rows
) -> None:
    sha256, last = half_purged(unit, alice, store)
    looking = threading.Thread(target=look, args=(unit, store, sha256))
    with unit(SYSTEM) as work:
        service_purge.drop(work, [last])
        looking.start()
        wait_until(lambda: rows(WAITING) != [(0,)] or not looking.is_alive(), 10)
    looking.join()
    assert (store.path(sha256).exists(), rows(NOTED, sha256=sha256)) == (False, [(0,)])


def test_a_file_that_could_not_be_deleted_with_its_artifact_goes_later(
    unit: Open, alice: Actor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = uuid.uuid4().bytes
    sha256 = hashlib.sha256(content).hexdigest()
    made = kept(unit, alice, store, content)
    with monkeypatch.context() as changed:
        changed.setattr(store, "remove", _refuse)
        with unit(alice) as work:
            service.remove(work, store, made)
    with pytest.raises(NotFound), unit(alice) as work:
        service.get(work, made)
    with unit(SYSTEM) as work:
        assert sha256 in service_purge.noted_files(work, "", 10_000)
    _age(store, sha256)
    look(unit, store, sha256)
    assert not store.path(sha256).exists()


def purge(unit: Open, artifact_id: uuid.UUID) -> None:
    with unit(SYSTEM) as work:
        service_purge.drop(work, [artifact_id])


def _age(store: Store, sha256: str) -> None:
    long_ago = time.time() - LEFT_AFTER_S - 1
    os.utime(store.path(sha256), (long_ago, long_ago))


def _refuse(sha256: str) -> None:
    raise OSError("no disk")
