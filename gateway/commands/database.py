"""The database for commands that run beside a gateway, or without one."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway import ROOT, registry
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, check_server
from gateway.core.errors import MissingPart
from gateway.core.identity import SYSTEM
from gateway.core.postgres.embedded import PATIENCE_S, EmbeddedPostgres
from gateway.core.postgres.migrating import migrate
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.audit import service as audit
from gateway.features.identity import service as identity


@contextmanager
def database(config: Config) -> Iterator[str]:
    """The URL of the gateway's database: the running server's, or that of one started for this command alone.

    Its tables are known from then on. Raises MissingPart, AlreadyRunning.
    """
    registry.load_tables()
    data_dir = DataDir(config.data_dir)
    if config.database_url is not None:
        yield config.database_url
        return
    try:
        url = EmbeddedPostgres.url_of_running(data_dir, PATIENCE_S)
    except OSError as error:
        raise MissingPart(data_dir.explain(error)) from error
    if url is not None:
        yield url
        return
    data_dir.prepare()
    with data_dir.lock(role="a command"):
        server = EmbeddedPostgres(data_dir)
        try:
            yield server.start()
        finally:
            server.stop()


@contextmanager
def prepared(config: Config) -> Iterator[Database]:
    """The database with the schema and the owner in place."""
    with database(config) as url:
        opened = Database(url, pool_size=1)
        try:
            prepare(opened)
            yield opened
        finally:
            opened.dispose()


def prepare(opened: Database) -> None:
    """Checks the server, migrates under a lock, makes this month's partitions and the owner. Raises MissingPart."""
    check_server(opened.engine)
    migrate(opened.engine, ROOT / "migrations")
    registry.load_tables()
    with unit_of_work(opened.sessions, SYSTEM) as work:
        audit.add_partitions(work)
    with unit_of_work(opened.sessions, SYSTEM) as work:
        identity.ensure_owner(work)


@contextmanager
def as_system(config: Config) -> Iterator[Work]:
    """A unit of work as the system itself, on the prepared database."""
    with prepared(config) as opened, unit_of_work(opened.sessions, SYSTEM) as work:
        yield work
