"""Backups that a node makes by itself: when they are due, how many are kept, and what is told when one fails."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from gateway.commands.backup import verify
from gateway.commands.database import prepare
from gateway.core import archive
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, libpq_url
from gateway.core.errors import MissingPart
from gateway.core.identity import SYSTEM
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.unit_of_work import unit_of_work
from gateway.features.settings import service as settings
from gateway.features.system import backing_up, jobs
from gateway.node.node import Node


def test_only_what_the_clock_made_is_counted_and_dropped(tmp_path: Path) -> None:
    assert backing_up.next_of(tmp_path / "none", 1) is not None
    for day in range(1, 6):
        (tmp_path / f"gateway-2026110{day}-000000.backup").touch()
    mine = tmp_path / "mine.backup"
    mine.touch()
    assert backing_up.next_of(tmp_path, 1) is None
    hours_ago = time.time() - 2 * 3600
    os.utime(tmp_path / "gateway-20261105-000000.backup", (hours_ago, hours_ago))
    assert backing_up.next_of(tmp_path, 1) is not None
    assert backing_up.drop_old(tmp_path, 2) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gateway-20261104-000000.backup", "gateway-20261105-000000.backup", "mine.backup",
    ]  # fmt: skip


@contextmanager
def at_home(tmp_path: Path) -> Iterator[tuple[Config, DataDir, Database]]:
    """A data directory as a gateway that runs there has it."""
    config = Config(data_dir=tmp_path / "data")
    data_dir = DataDir(config.data_dir)
    data_dir.prepare()
    with data_dir.lock():
        server = EmbeddedPostgres(data_dir)
        database = Database(server.start(), pool_size=8)
        data_dir.publish({"role": "gateway"})
        try:
            prepare(database)
            yield config, data_dir, database
        finally:
            database.dispose()
            server.stop()


def test_a_node_makes_the_backup_that_is_due(tmp_path: Path) -> None:
    with at_home(tmp_path) as (config, data_dir, database):
        node = Node(config, database, "here")
        asyncio.run(jobs.back_up(node))
        assert not (data_dir.path / "backups").exists(), "none is made unless that is asked for"
        put(database, "backups.every_h", 24)
        asyncio.run(jobs.back_up(node))
        asyncio.run(jobs.back_up(node))
        [made] = (data_dir.path / "backups").iterdir()
        verify(made, print)
        put(database, "backups.folder", str(made / "no folder"))
        asyncio.run(jobs.back_up(node))
        with psycopg.connect(libpq_url(database.url)) as connection:
            told = connection.execute("SELECT name FROM events WHERE name LIKE 'backup.%' ORDER BY seq").fetchall()
        assert told == [("backup.completed",), ("backup.failed",)]


def test_of_two_nodes_one_makes_the_backup_that_is_due(tmp_path: Path) -> None:
    with at_home(tmp_path) as (config, data_dir, database):
        put(database, "backups.every_h", 24)
        nodes = [Node(config, database, name) for name in ("one", "two", "three")]

        async def at_once() -> None:
            await asyncio.gather(*(jobs.back_up(node) for node in nodes))

        asyncio.run(at_once())
        [made] = (data_dir.path / "backups").iterdir()
        verify(made, print)
        with psycopg.connect(libpq_url(database.url)) as connection:
            told = connection.execute("SELECT name FROM events WHERE name LIKE 'backup.%'").fetchall()
        assert told == [("backup.completed",)]
        with backing_up.turn(database.url) as mine, backing_up.turn(database.url) as second:
            assert (mine, second) == (True, False)


def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    left, mine = tmp_path / ".gateway-20261105-000000.backup.part", tmp_path / "mine.backup"
    left.write_bytes(b"half a backup")
    others = tmp_path / ".a film.part"
    others.write_bytes(b"half a film")
    with archive.writing(mine) as backup:
        assert archive.remove_unfinished(tmp_path, backing_up.NAME) == [left.name]
        assert archive.remove_unfinished(tmp_path, re.compile("mine.backup")) == []
        with pytest.raises(MissingPart, match="another process writes it"), archive.writing(mine):
            pass
        backup.finish({})
    assert sorted(tmp_path.iterdir()) == [others, mine]
    with archive.reading(mine) as whole:
        whole.verify()


def test_a_backup_is_written_over_what_a_killed_process_left_of_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.backup"
    (tmp_path / ".mine.backup.part").write_bytes(bytes(100_000))
    with archive.writing(mine) as backup:
        backup.finish({})
    with archive.reading(mine) as whole:
        whole.verify()


def put(database: Database, key: str, value: object) -> None:
    """Changes an operator setting."""
    with unit_of_work(database.sessions, SYSTEM) as work:
        settings.put(work, key, settings.for_change(work, key), value, None)
