"""Backups hold everything, come back identical by row hashes, and change nothing when they are not whole."""

import errno
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from gateway.commands import backup as commands
from gateway.commands.backup import Wish
from gateway.commands.database import as_system
from gateway.commands.keys import key_store
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, libpq_url
from gateway.core.errors import AlreadyRunning, Conflict, Invalid, MissingPart
from gateway.core.identity import SYSTEM
from gateway.core.postgres import dump
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.received_file import ReceivedFile
from gateway.core.unit_of_work import unit_of_work
from gateway.features.artifacts import service as artifacts
from gateway.features.artifacts.store import Store
from gateway.features.audit.service_verify import verify as verify_audit
from gateway.features.audit.signer import Signer
from gateway.features.credentials import service as credentials
from gateway.features.credentials.schemas import CredentialIn
from gateway.features.identity import service as identity
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn

PASSPHRASE = "a passphrase of some length"
GROWS = ("audit_records", "audit_head", "events", "event_head")
"""Tables that the backup and the restore themselves write to."""


@dataclass
class Gateway:
    """A gateway's data directory with its server running, as beside a gateway that works."""

    config: Config
    data_dir: DataDir
    database: Database
    artifact: str = ""

    @property
    def url(self) -> str:
        return self.database.url

    def hashes(self) -> dict[str, tuple[int, str]]:
        """Rows and their hash, by table."""
        return row_hashes(self.url)


def row_hashes(url: str) -> dict[str, tuple[int, str]]:
    """Rows and a hash of all of them, whatever their order, by table; without what was written after `head`."""
    query = sql.SQL("SELECT count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {} t")
    found = {}
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        for table in dump.take_snapshot(connection).tables:
            row = connection.execute(query.format(sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = (row[0], row[1])
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with something of everything."""
    config = Config(data_dir=tmp_path_factory.mktemp("source"))
    with as_system(config) as work:
        identity.create_user(work, "alice", role="member", password="correct horse battery")
    data_dir = DataDir(config.data_dir)
    (data_dir.path / "config.toml").write_text("task_timeout_s = 77\n")
    with data_dir.lock():
        server = EmbeddedPostgres(data_dir)
        database = Database(server.start(), pool_size=4)
        data_dir.publish({"role": "gateway"})
        try:
            with unit_of_work(database.sessions, SYSTEM) as work:
                for number in range(30):
                    tasks.create(work, TaskIn(commands=[f"echo {number} 'ü\t\\N\n'"], tags=["kept", f"t{number}"]))
                wish = CredentialIn(name="kept", secret="sk-kept", metadata={"a": [1, None, "\\."]})  # type: ignore[arg-type]
                credentials.create(work, key_store(config), wish)
            store = Store(data_dir.artifacts)
            with unit_of_work(database.sessions, SYSTEM) as work:
                upload = artifacts.Upload(
                    store.take_in(io.BytesIO(b"bytes \x00\xff" * 50_000), 10**6), "kept.bin", "application/x-kept"
                )
                made = artifacts.add(work, store, upload)
                verify_audit(work, database.sessions, Signer(data_dir.keys))
            yield Gateway(config, data_dir, database, made.sha256)
        finally:
            database.dispose()
            server.stop()


@pytest.fixture(scope="module")
def made(source: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with the keys, made while the gateway works."""
    path = tmp_path_factory.mktemp("backups") / "one.backup"
    with Typed(PASSPHRASE):
        commands.make(source.config, path, print, include_key=True)
    return path


class Typed:
    """Standard input that is no terminal."""

    def __init__(self, text: str) -> None:
        self._patch = pytest.MonkeyPatch()
        self._text = text

    def __enter__(self) -> None:
        self._patch.setattr("sys.stdin", io.StringIO(f"{self._text}\n"))

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def restore(config: Config, path: Path, passphrase: str = PASSPHRASE, **wish: bool) -> list[str]:
    """Restores, and returns what was said."""
    said: list[str] = []
    with Typed(passphrase):
        commands.restore(config, path, Wish(**{"yes": True, **wish}), said.append, lambda _: False)
    return said


def present(config: Config) -> dict[str, tuple[int, str]]:
    """The row hashes of a gateway that is stopped."""
    with as_system(config) as work:
        return row_hashes(str(work.session.get_bind().url.render_as_string(hide_password=False)))  # type: ignore[union-attr]


def _kept(hashes: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    return {name: rows for name, rows in hashes.items() if name not in GROWS}


def test_backup_restore_upgrade_leave_a_gateway_identical(source: Gateway, made: Path, tmp_path: Path) -> None:
    before = source.hashes()
    config = Config(data_dir=tmp_path / "restored")
    restore(config, made)
    after = present(config)
    assert _kept(after) == _kept(before)
    assert sum(count for count, _ in after.values()) > 200
    kept = Store(config.data_dir / "artifacts").path(source.artifact)
    assert kept.read_bytes() == Store(source.data_dir.artifacts).path(source.artifact).read_bytes()
    assert (config.data_dir / "config.toml").read_text() == "task_timeout_s = 77\n"
    with as_system(config) as work:
        [row] = work.session.scalars(credentials.visible(work, credentials.CredentialQuery()))
        assert credentials.use(work, key_store(config), row.id, "a test") == "sk-kept"
        task = tasks.create(work, TaskIn(commands=["true"]))
        assert task.status == "queued", "new work is taken as before: sequences and heads go on"
    with as_system(config) as work:
        database = Database(str(work.session.get_bind().url.render_as_string(hide_password=False)), pool_size=1)  # type: ignore[union-attr]
        checked = verify_audit(work, database.sessions, Signer(config.data_dir / "keys"))
        database.dispose()
    assert (checked.ok, checked.first_bad) == (True, None)


def test_a_backup_is_one_moment_though_work_goes_on(source: Gateway, tmp_path: Path) -> None:
    """Tasks are made and their rows refer to each other while it is written; references are held to them later."""
    over = threading.Event()

    def keep_working() -> None:
        while not over.is_set():
            with unit_of_work(source.database.sessions, SYSTEM) as work:
                tasks.create(work, TaskIn(commands=["true"], tags=["busy"]))

    worker = threading.Thread(target=keep_working)
    worker.start()
    try:
        commands.make(source.config, tmp_path / "busy.backup", print)
    finally:
        over.set()
        worker.join()
    config = Config(data_dir=tmp_path / "restored")
    said = restore(config, tmp_path / "busy.backup")
    assert any("key recover" in line for line in said), "without the key it says what is to be done"
    rows = present(config)
    assert rows["tasks"][0] == rows["runs"][0] == rows["task_changes"][0], "each task has its run and its history"


def test_it_may_go_to_another_server_and_back(source: Gateway, tmp_path: Path) -> None:
    other = DataDir(tmp_path / "server")
    other.prepare()
    with other.lock():
        server = EmbeddedPostgres(other)
        url = server.start()
        try:
            config = Config(data_dir=tmp_path / "restored", database_url=url)
            commands.make(source.config, tmp_path / "there.backup", print)
            restore(config, tmp_path / "there.backup")
            assert _kept(row_hashes(url)) == _kept(source.hashes())
            commands.make(config, tmp_path / "back.backup", print)
            embedded = Config(data_dir=tmp_path / "embedded")
            restore(embedded, tmp_path / "back.backup")
            assert _kept(present(embedded)) == _kept(source.hashes())
        finally:
            server.stop()


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "manifest", "not one", "link"])
def test_a_damaged_file_changes_nothing(damage: str, made: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.backup"
    data = bytearray(made.read_bytes())
    if damage == "link":
        with tarfile.open(bad, "w") as tar:
            link = tarfile.TarInfo("manifest.json")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    else:
        place = data.index(b"bytes \x00\xff") if damage == "flipped" else data.index(b'"revision"') + 14
        data[place] ^= 1
        bad.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "not one": b"x" * 5000}.get(damage, bytes(data)))
    config = Config(data_dir=tmp_path / "restored")
    with pytest.raises(MissingPart, match=r"use another copy|name another file"):
        restore(config, bad)
    with pytest.raises(MissingPart):
        commands.verify(bad, print)
    assert not config.data_dir.exists()


def test_nothing_is_replaced_without_being_told(
    source: Gateway, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Conflict, match="--overwrite"):
        commands.make(source.config, made, print)
    with pytest.raises(AlreadyRunning):
        restore(source.config, made, replace=True)
    config = Config(data_dir=tmp_path / "restored")
    said = restore(config, made, dry_run=True)
    assert "There is nothing there yet." in said
    with pytest.raises(Conflict, match="add --yes"):
        restore(config, made, yes=False)
    with pytest.raises(Invalid, match="does not open the keys"):
        restore(config, made, passphrase="not the right one at all")
    with monkeypatch.context() as full:
        full.setattr(Store, "keep", _disk_full)
        with pytest.raises(MissingPart, match="free some space"):
            restore(config, made)
    assert not [path for path in (config.data_dir / "artifacts").rglob("*") if path.is_file()]
    restore(config, made)
    with as_system(config) as work:
        tasks.create(work, TaskIn(commands=["true"], name="since then"))
    with pytest.raises(Conflict, match="--replace"):
        restore(config, made)
    before = present(config)["tasks"]
    restore(config, made, replace=True)
    assert present(config)["tasks"][0] == before[0] - 1
    [kept] = (config.data_dir / "backups").iterdir()
    restore(config, kept, replace=True)
    assert present(config)["tasks"] == before, "what was replaced comes back from the copy that was kept"


def test_the_keys_of_what_is_replaced_are_kept(made: Path, tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path / "restored")
    restore(config, made)
    keys = DataDir(config.data_dir).keys
    brought = (keys / "audit.key").read_text()
    assert list(keys.glob("*.before-restore-*")) == []
    (keys / "audit.key").write_text("of another gateway")
    said = restore(config, made, replace=True)
    [kept] = keys.glob("*.before-restore-*")
    assert (kept.read_text(), kept.stat().st_mode & 0o077) == ("of another gateway", 0)
    assert (keys / "audit.key").read_text() == brought
    assert any(str(kept) in line for line in said)


def _disk_full(store: Store, file: ReceivedFile) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_secret_stands_in_it_in_the_clear(source: Gateway, made: Path) -> None:
    data = made.read_bytes()
    with tarfile.open(made) as tar:
        assert "keys.sealed" in tar.getnames()
    kept = [file.read_bytes() for pattern in ("audit.key", "master-*") for file in source.data_dir.keys.glob(pattern)]
    assert len(kept) == 2
    for secret in (b"sk-kept", *kept):
        assert secret not in data
    assert made.stat().st_mode & 0o077 == 0


def test_a_file_whose_name_is_no_text_is_written_and_told(source: Gateway, tmp_path: Path) -> None:
    commands.make(source.config, tmp_path / "\udcff.backup", print)
    with psycopg.connect(libpq_url(source.url)) as connection:
        told = connection.execute("SELECT data ->> 'file' FROM events WHERE name = 'backup.completed'").fetchall()
    assert ("\N{REPLACEMENT CHARACTER}.backup",) in told


def test_it_leaves_its_traces(source: Gateway, made: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match="There is no folder"):
        commands.make(source.config, tmp_path / "none" / "x.backup", print)
    with psycopg.connect(libpq_url(source.url)) as connection:
        events = connection.execute("SELECT name, data FROM events WHERE name LIKE 'backup.%' ORDER BY seq").fetchall()
        audit = connection.execute("SELECT decision FROM audit_records WHERE action = 'backups.create'").fetchall()
    assert events[0][0] == "backup.completed"
    assert events[0][1]["file"] == "one.backup"
    assert events[0][1]["size"] == made.stat().st_size
    assert [name for name, _ in events].count("backup.failed") >= 1
    assert len(audit) == len(events)
