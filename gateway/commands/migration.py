"""The schema brought to this release's by a process that ends: what it loads would stay in a gateway's memory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from gateway.core.config import Config
from gateway.core.database import Database
from gateway.core.postgres.migrating import migrate

log = structlog.get_logger("gateway.migration")


@contextmanager
def migrating(config: Config, url: str, app_file: Path) -> Iterator[None]:
    """Has such a process migrate the database at `url` while the block runs; at its end that is over.

    Whoever migrates again afterwards has one query to make where it went well, and else is told what is wrong.
    """
    command = [sys.executable, str(app_file), "migrate", "--data-dir", str(config.data_dir)]
    environment = {**os.environ, "GATEWAY_DATABASE_URL": url}  # it may hold a password, which argv shows to others
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere) as process:
        yield
    if process.returncode != 0:
        log.warning("the process that migrates failed; it is tried again without", exit_code=process.returncode)


def run(config: Config, migrations: Path) -> None:
    """What the process does. Raises MissingPart, and what a migration raises."""
    assert config.database_url is not None
    database = Database(config.database_url, pool_size=1)
    try:
        migrate(database.engine, migrations)
    finally:
        database.dispose()
