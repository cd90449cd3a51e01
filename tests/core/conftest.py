"""Embedded servers on directories of their own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from gateway.core.data_dir import DataDir
from gateway.core.postgres.embedded import EmbeddedPostgres


@pytest.fixture(scope="module")
def data_dir() -> Iterator[DataDir]:
    """A data directory with a database that these tests share; between them no server runs."""
    with directory() as path:
        with running(path):
            pass
        yield DataDir(path)


@pytest.fixture
def own_dir(data_dir: DataDir) -> Iterator[DataDir]:
    """A copy of it for tests that leave traces."""
    with directory() as path:
        subprocess.run(["cp", "-a", f"{data_dir.path}/.", str(path)], check=True)
        yield DataDir(path)


@contextmanager
def directory() -> Iterator[Path]:
    """A short path that every account can reach."""
    path = Path(tempfile.mkdtemp(prefix="gateway-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def running(path: Path) -> Iterator[tuple[EmbeddedPostgres, str]]:
    data_dir = DataDir(path)
    data_dir.prepare()
    with data_dir.lock():
        server = EmbeddedPostgres(data_dir)
        try:
            yield server, server.start()
        finally:
            server.stop()


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]
