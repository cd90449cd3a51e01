"""Everything in one file, and back: rows, artifacts, settings, and the keys, sealed by a passphrase, when asked for."""

import getpass
import gzip
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import ROOT
from gateway.commands.database import database, prepare
from gateway.commands.keys import key_store
from gateway.core import archive
from gateway.core.archive import Reader, Source
from gateway.core.clock import now
from gateway.core.config import Config
from gateway.core.data_dir import DataDir, make_directory, write_private
from gateway.core.database import Database, libpq_url, sqlalchemy_url
from gateway.core.errors import Conflict, Invalid, MissingPart
from gateway.core.identity import SYSTEM
from gateway.core.postgres import dump
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.postgres.migrating import migrate_to
from gateway.core.secrets import crypto
from gateway.core.secrets.envelope import MasterKey
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.artifacts.store import Store
from gateway.features.system import backing_up
from gateway.features.system import service_backups as backups

FILES = ("session.key", "audit.key")
"""What the master keys are not, and is as secret: these seal stored answers, sign cookies and the audit chain."""

SHORTEST_PASSPHRASE = 12

Say = Callable[[str], None]


def make(config: Config, path: Path, say: Say, *, include_key: bool = False, overwrite: bool = False) -> None:
    """Writes a backup of a running gateway or of one that is stopped. Raises MissingPart, Conflict, Invalid."""
    path = path.expanduser().resolve()
    if path.exists() and not overwrite:
        raise Conflict(f"{path} is there already; choose another name, or add --overwrite.")
    passphrase = _new_passphrase() if include_key else None
    with database(config) as url:
        began = time.monotonic()
        try:
            data_dir = DataDir(config.data_dir)
            seal = partial(_sealed_keys, config, data_dir, passphrase) if passphrase is not None else None
            about = backing_up.write(url, data_dir, path, say, seal)
        except BaseException as error:
            reason = str(error)[:300] or type(error).__name__
            with suppress(SQLAlchemyError):  # there may be no gateway in this database
                _tell(url, lambda work: backups.failed(work, path.name, reason))
            raise
        _tell(url, lambda work: backups.completed(work, about))
    say(f"{path}: {about['size']:,} bytes in {time.monotonic() - began:.1f} s")


def verify(path: Path, say: Say) -> None:
    """Reads a whole backup and holds it to its manifest. Raises MissingPart naming what is damaged."""
    with archive.reading(path) as backup:
        for line in describe(backup):
            say(line)
        backup.verify()
    say("Every part is as it was written.")


@dataclass(frozen=True)
class Wish:
    """How to restore. `replace`: what is there goes; a copy of it is kept beside the data directory's backups."""

    dry_run: bool = False
    yes: bool = False
    replace: bool = False


def restore(config: Config, path: Path, wish: Wish, say: Say, ask: Callable[[str], bool]) -> None:
    """Puts a backup in place: all of it or nothing. Raises MissingPart, Conflict, Invalid, AlreadyRunning."""
    with archive.reading(path.expanduser().resolve()) as backup:
        for line in describe(backup):
            say(line)
        backup.verify()
        say("Every part is as it was written.")
        data_dir = DataDir(config.data_dir)
        data_dir.prepare()
        with data_dir.lock(role="a restore"), _server(config, data_dir) as url:
            present = _present(url)
            say(f"It goes to {data_dir.path}" + (f" and {_shown(url)}" if config.database_url else "") + ".")
            say(f"There is a gateway of {present} already." if present else "There is nothing there yet.")
            if wish.dry_run:
                return
            if present and not wish.replace:
                raise Conflict("A gateway is there already; name another --data-dir, or add --replace.")
            if not wish.yes and not ask("Restore?"):
                raise Conflict("Nothing was changed; add --yes where nobody can be asked.")
            keys = _opened_keys(backup)
            if present:
                kept = data_dir.path / "backups" / f"before-restore-{now():%Y%m%d-%H%M%S}.backup"
                make_directory(kept.parent)
                backing_up.write(url, data_dir, kept, lambda _: None, None)
                say(f"What was there is kept in {kept}.")
            _put_in_place(config, url, data_dir, backup, keys, say)
            _tell(url, lambda work: backups.restored(work, path.name, backup.manifest["created_at"]))
    say("Restored. Start the gateway as usual.")
    if not all(map(key_store(config).has, backup.manifest["master_keys"])):
        say("Its master keys are neither in this backup nor here: run `app.py key recover` with your emergency kit.")


def describe(backup: Reader) -> Iterator[str]:
    """What a backup holds, in a few lines."""
    about = backup.manifest
    yield f"Made on {about['created_at']} by release {about['version']}, schema {about['revision']}."
    rows = about["rows"]
    people, tasks = rows.get("users", 0), rows.get("tasks", 0)
    yield f"{sum(rows.values()):,} rows in {len(rows)} tables; {people:,} users, {tasks:,} tasks."
    files = about["artifacts"]
    yield f"{files['count']:,} files of artifacts, {files['bytes']:,} bytes; keys: " + (
        "sealed by a passphrase." if about["includes_key"] else "none."
    )
    if files["missing"]:
        yield f"{len(files['missing'])} files had no contents on disk when it was made."


def _put_in_place(
    config: Config, url: str, data_dir: DataDir, backup: Reader, keys: Mapping[str, Any] | None, say: Say
) -> None:
    """Files first, which nobody sees before the rows; then the rows in one transaction; then the schema of now."""
    store = Store(data_dir.artifacts)
    added: list[str] = []
    engine = create_engine(
        sqlalchemy_url(url), poolclass=NullPool, connect_args={"options": "-c timezone=UTC -c statement_timeout=0"}
    )
    try:
        _bring_files(store, backup, added)
        with engine.connect() as connection, connection.begin():
            driver: dump.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            dump.clear(driver)
            migrate_to(connection, ROOT / "migrations", backup.manifest["revision"])
            contents = dump.Contents.of(backup.manifest)
            loaded = dict(dump.load(driver, contents, lambda table: _rows_of(backup, table)))
            _check_counts(loaded, backup.manifest["rows"])
    except BaseException as error:
        for sha256 in added:
            store.remove(sha256)
        if isinstance(error, OSError):
            raise MissingPart(data_dir.explain(error)) from error
        raise
    finally:
        engine.dispose()
    _bring_settings(data_dir, backup, say)
    if keys is not None:
        _bring_keys(config, data_dir, keys, say)
    (data_dir.keys / "audit_checkpoint.json").unlink(missing_ok=True)  # of the chain that was there before
    opened = Database(url, pool_size=1)
    try:
        prepare(opened)
    finally:
        opened.dispose()


def _check_counts(loaded: Mapping[str, int], said: Mapping[str, int]) -> None:
    """Raises MissingPart for a table that did not come back whole, which undoes the transaction."""
    for table, count in loaded.items():
        if count != said[table]:
            raise MissingPart(f"{table} came back with {count} rows, not {said[table]}; nothing was changed.")


def _bring_files(store: Store, backup: Reader, added: list[str]) -> None:
    """Artifacts' contents that are not there yet; their hashes are `added` as they come."""
    for name in backup.members:
        kind, _, sha256 = name.partition("/")
        if kind != "artifacts" or store.path(sha256).exists():
            continue
        with backup.member(name) as source:
            received = store.take_in(source, backup.members[name]["size"])  # type: ignore[arg-type]
        try:
            if received.sha256 != sha256:
                raise MissingPart(f"{name} is not what its name says; use another copy.")
            store.keep(received)
        finally:
            received.close()
        added.append(sha256)


def _bring_settings(data_dir: DataDir, backup: Reader, say: Say) -> None:
    if "config.toml" not in backup.members:
        return
    target = data_dir.path / "config.toml"
    if target.exists():
        target = data_dir.path / "config.toml.restored"
        say("config.toml was left as it is; that of the backup is config.toml.restored.")
    write_private(target, backup.bytes_of("config.toml").decode())


@contextmanager
def _rows_of(backup: Reader, table: str) -> Iterator[Source]:
    with backup.member(f"database/{table}.copy.gz") as packed, _unpacked(packed) as plain:
        yield plain
        packed.read()


def _unpacked(packed: Source) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=packed, mode="rb")  # type: ignore[call-overload,no-any-return]  # it reads, no more


def _sealed_keys(config: Config, data_dir: DataDir, passphrase: str, kids: list[str]) -> bytes:
    """Master keys and key files under a key made of the passphrase (Argon2id, AES-256-GCM)."""
    store = key_store(config)
    files = {name: (data_dir.keys / name).read_text() for name in FILES if (data_dir.keys / name).is_file()}
    plain = {"master": {kid: store.get(kid).key.hex() for kid in kids if store.has(kid)}, "files": files}
    salt = secrets.token_bytes(16)
    sealed = crypto.seal(_stretched(passphrase, salt), json.dumps(plain).encode(), "backup keys")
    return json.dumps({"salt": salt.hex(), "sealed": sealed.hex()}).encode()


def _opened_keys(backup: Reader) -> dict[str, Any] | None:
    if not backup.manifest["includes_key"]:
        return None
    kept = json.loads(backup.bytes_of("keys.sealed"))
    key = _stretched(_typed("Passphrase of the backup: "), bytes.fromhex(kept["salt"]))
    try:
        return dict(json.loads(crypto.unseal(key, bytes.fromhex(kept["sealed"]), "backup keys")))
    except InvalidTag as error:
        raise Invalid.field("passphrase", "it does not open the keys of this backup; nothing was changed") from error


def _bring_keys(config: Config, data_dir: DataDir, keys: Mapping[str, Any], say: Say) -> None:
    """The keys of the backup. Those of what was there before stay beside them: the copy that is kept of it has none."""
    store = key_store(config)
    for kid, key in keys["master"].items():
        if not store.has(kid):
            store.add(MasterKey.of(bytes.fromhex(key)))
    for name, text in keys["files"].items():
        if name not in FILES:
            continue
        target = data_dir.keys / name
        if target.is_file() and (present := target.read_text()) != text:
            kept = data_dir.keys / f"{name}.before-restore-{now():%Y%m%d-%H%M%S}"
            write_private(kept, present)
            say(f"The {name} that was there is kept in {kept}.")
        write_private(target, text)


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return hash_secret_raw(
        passphrase.encode(), salt, time_cost=3, memory_cost=64 * 1024, parallelism=1, hash_len=32, type=Type.ID
    )


def _new_passphrase() -> str:
    typed = _typed("Passphrase for the keys: ")
    if len(typed) < SHORTEST_PASSPHRASE:
        raise Invalid.field("passphrase", f"give at least {SHORTEST_PASSPHRASE} characters")
    if sys.stdin.isatty() and getpass.getpass("Once more: ") != typed:
        raise Invalid.field("passphrase", "the two are not the same")
    return typed


def _typed(prompt: str) -> str:
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline(4096).rstrip("\r\n")


@contextmanager
def _server(config: Config, data_dir: DataDir) -> Iterator[str]:
    """The database of a data directory whose lock is held."""
    if config.database_url is not None:
        yield config.database_url
        return
    server = EmbeddedPostgres(data_dir)
    try:
        yield server.start()
    finally:
        server.stop()


def _present(url: str) -> str:
    """What there is already, in words; "" for an empty database."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        if not dump.revision(connection):
            return ""
        row = connection.execute("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tasks)").fetchone()
    assert row is not None
    return f"{row[0]} users and {row[1]} tasks"


def _shown(url: str) -> str:
    """A database URL without its password."""
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)


def _tell(url: str, tell: Callable[[Work], None]) -> None:
    """Leaves the audit record and the event."""
    opened = Database(url, pool_size=1)
    try:
        with unit_of_work(opened.sessions, SYSTEM) as work:
            tell(work)
    finally:
        opened.dispose()
