"""Writes a backup's file out of one snapshot, and makes one now and then into a folder. Knows no unit of work."""

import gzip
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

import gateway
from gateway.core import archive
from gateway.core.archive import Writer
from gateway.core.clock import now
from gateway.core.data_dir import DataDir
from gateway.core.database import libpq_url
from gateway.core.errors import MissingPart
from gateway.core.postgres import dump
from gateway.features.artifacts.store import Store

NAME = re.compile(r"gateway-\d{8}-\d{6}\.backup")
"""Files that were made by the clock: no others are ever deleted by it."""

Say = Callable[[str], None]


def write(
    url: str, data_dir: DataDir, path: Path, say: Say, seal: Callable[[list[str]], bytes] | None
) -> dict[str, Any]:
    """The file itself; returns what is told of it. `seal` gives the keys of these ids, where they are to be in it.

    Raises MissingPart.
    """
    if not path.parent.is_dir():
        raise MissingPart(f"There is no folder {path.parent}; make it, or name another one.")
    with psycopg.connect(libpq_url(url), autocommit=True) as connection, archive.writing(path) as backup:
        contents = dump.take_snapshot(connection)
        if not dump.revision(connection):
            raise MissingPart("There is no gateway in this database yet, so there is nothing to back up.")
        rows = {table: _add_rows(connection, table, columns, backup) for table, columns in contents.tables.items()}
        say(f"{sum(rows.values()):,} rows")
        files = _add_artifacts(connection, Store(data_dir.artifacts), backup)
        say(f"{files['count']:,} files of artifacts, {files['bytes']:,} bytes")
        if (settings := data_dir.path / "config.toml").is_file():
            backup.add_bytes("config.toml", settings.read_bytes())
        kids = [kid for (kid,) in connection.execute("SELECT kid FROM master_keys ORDER BY kid").fetchall()]
        if seal is not None:
            backup.add_bytes("keys.sealed", seal(kids))
        about = {
            "created_at": now().isoformat(timespec="seconds").replace("+00:00", "Z"), "version": gateway.__version__,
            "revision": dump.revision(connection), "rows": rows, "artifacts": files, "master_keys": kids,
            "includes_key": seal is not None, **contents.plain(),
        }  # fmt: skip
        backup.finish(about)
    return {
        "file": path.name, "size": path.stat().st_size, "rows": sum(rows.values()), "artifacts": files["count"],
        "includes_key": seal is not None,
    }  # fmt: skip


@contextmanager
def turn(url: str) -> Iterator[bool]:
    """Whether no other node makes a backup of this database by the clock; none does while this one has its turn."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended('backups by the clock', 0))").fetchone()
        yield bool(row and row[0])


def write_due(url: str, data_dir: DataDir, path: Path, every_h: float, kept: int, say: Say) -> dict[str, Any] | None:
    """Writes the backup that is due, and drops the oldest ones; None where another node does, or has just done so.

    Raises MissingPart.
    """
    with turn(url) as is_mine:
        if not is_mine or next_of(path.parent, every_h) is None:
            return None
        about = write(url, data_dir, path, say, None)
        drop_old(path.parent, kept)
        return about


def next_of(folder: Path, every_h: float) -> Path | None:
    """Where the backup goes that is due now; None while the newest in the folder is young enough."""
    made = _made_in(folder)
    if made and time.time() - made[-1].stat().st_mtime < timedelta(hours=every_h).total_seconds():
        return None
    return folder / f"gateway-{now():%Y%m%d-%H%M%S}.backup"


def drop_old(folder: Path, kept: int) -> int:
    """Deletes all but the newest; returns how many."""
    old = _made_in(folder)[:-kept]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _made_in(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name)) if folder.is_dir() else []


def _add_rows(connection: dump.Connection, table: str, columns: list[str], backup: Writer) -> int:
    with tempfile.TemporaryFile(dir=backup.directory) as spool:
        with gzip.GzipFile(fileobj=spool, mode="wb", compresslevel=3, mtime=0) as packed:
            rows = dump.rows_out(connection, table, columns, packed)
        size = spool.tell()
        spool.seek(0)
        backup.add(f"database/{table}.copy.gz", spool, size)
    return rows


def _add_artifacts(connection: dump.Connection, store: Store, backup: Writer) -> dict[str, Any]:
    """The contents that rows of the snapshot speak of. One that was deleted meanwhile is named as missing."""
    found = connection.execute("SELECT DISTINCT sha256 FROM artifacts ORDER BY sha256").fetchall()
    count, size, missing = 0, 0, []
    for (sha256,) in found:
        try:
            with store.path(sha256).open("rb") as file:
                length = store.path(sha256).stat().st_size
                backup.add(f"artifacts/{sha256}", file, length)
        except FileNotFoundError:
            missing.append(sha256)
        else:
            count, size = count + 1, size + length
    return {"count": count, "bytes": size, "missing": missing}
