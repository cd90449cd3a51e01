"""The migrations of this release tried on a copy of all rows, in a server of its own that goes afterwards."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import psycopg
from sqlalchemy import Engine, NullPool, create_engine

from gateway import ROOT
from gateway.commands.database import database
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import libpq_url, sqlalchemy_url
from gateway.core.postgres import dump
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.postgres.migrating import migrate, migrate_to, newest_revision

SCRATCH = "rehearsal-"
"""How the folder of a copy is called."""

Say = Callable[[str], None]


def rehearse(config: Config, say: Say, directory: Path = ROOT / "migrations") -> None:
    """Copies the rows as they are at this moment, migrates the copy and checks it; what is copied stays as it is.

    Raises MissingPart when a check fails, and what a migration raises.
    """
    with database(config) as url, psycopg.connect(libpq_url(url), autocommit=True) as source:
        contents = dump.take_snapshot(source)
        revision = dump.revision(source)
        if revision in ("", newest_revision(directory)):
            say("The schema is that of this release; there is nothing to rehearse.")
            return
        with _scratch(config) as engine:
            began = time.monotonic()
            with engine.connect() as connection, connection.begin():
                driver: dump.Connection = connection.connection.driver_connection  # type: ignore[assignment]
                migrate_to(connection, directory, revision)
                copied = dict(dump.load(driver, contents, partial(_rows_of, source, contents, config.data_dir)))
            say(f"{sum(copied.values()):,} rows copied at schema {revision} in {time.monotonic() - began:.1f} s")
            began = time.monotonic()
            migrate(engine, directory)
            took = time.monotonic() - began
            say(f"Migrated to {newest_revision(directory)} and checked in {took:.1f} s; nothing was changed.")


@contextmanager
def _scratch(config: Config) -> Iterator[Engine]:
    """An empty server inside the data directory, where there is room for the copy as a rule."""
    for left in config.data_dir.glob(f"{SCRATCH}*"):
        if DataDir(left).published() is None:  # its rehearsal was killed
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=config.data_dir, prefix=SCRATCH))
    data_dir = DataDir(folder)
    try:
        data_dir.prepare()
        with data_dir.lock(role="a rehearsal"):
            server = EmbeddedPostgres(data_dir)
            try:
                engine = create_engine(sqlalchemy_url(server.start()), poolclass=NullPool)
                yield engine
            finally:
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _rows_of(source: dump.Connection, contents: dump.Contents, folder: Path, table: str) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile(dir=folder) as spool:
        dump.rows_out(source, table, contents.tables[table], spool)
        spool.seek(0)
        yield spool
