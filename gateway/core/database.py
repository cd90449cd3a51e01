"""The one database: declarative base, engine, session factory, migrations at start.

Rooms declare typed SQLAlchemy 2 models on `Base`. The gateway hands the same engine to
Flask-SQLAlchemy; the node, which knows no Flask, uses `Database` as it is.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from .errors import MissingPart

MIGRATION_LOCK = 7_340_001
"""Advisory lock under which exactly one process migrates the schema."""

MINIMUM_SERVER_VERSION = 150_000

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table; constraint names follow one convention so that errors can be told apart."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: TIMESTAMP(timezone=True),
        uuid.UUID: UUID(as_uuid=True),
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: ARRAY(sa.Text),
        str: sa.Text,
        int: sa.BigInteger,
    }


def sqlalchemy_url(url: str) -> str:
    """Any PostgreSQL URL in the spelling that selects psycopg 3. Raises MissingPart for other databases."""
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise MissingPart("The database URL cannot be read; write postgresql://USER:PASSWORD@HOST/NAME.") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise MissingPart(f"{parsed.get_backend_name()} is not supported; give the URL of a PostgreSQL database.")
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """The same URL in the spelling of libpq, for psycopg itself."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


ENGINE_OPTIONS: dict[str, Any] = {
    "hide_parameters": True,  # an error in the log must not show values
    # Opened when needed and kept: one past the pool's size would be opened and closed for every request.
    "pool_size": 32,
    "max_overflow": 8,
    "pool_timeout": 10,
    "pool_pre_ping": False,
    "pool_use_lifo": True,
    "connect_args": {
        "connect_timeout": 10,
        "application_name": "user-api-gateway",
        # Every list is a short index range: starting parallel workers for it would take longer than reading it.
        "options": "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=120s"
        " -c max_parallel_workers_per_gather=0",
    },
}


AT_ONCE = {"isolation_level": "AUTOCOMMIT"}
"""Connection options for a single statement: without the round trips that begin and end a transaction."""


class Database:
    """An engine with its session factory."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.engine: Engine = create_engine(sqlalchemy_url(url), **{**ENGINE_OPTIONS, **options})
        drop_dead_connections(self.engine)
        self.sessions: Callable[[], Session] = sessionmaker(self.engine, expire_on_commit=False)

    def dispose(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()


def drop_dead_connections(engine: Engine) -> None:
    """Tests a pooled connection before use when the server ended it, without a round trip.

    A restarted server closes its sockets; a readable idle socket therefore means a dead
    connection, which is cheaper to notice than `SELECT 1` before every request.
    """

    @event.listens_for(engine, "checkout")
    def check(dbapi_connection: Any, record: Any, proxy: Any) -> None:
        if dbapi_connection.closed or _hung_up(dbapi_connection):
            raise sa.exc.DisconnectionError("the server closed the connection")


@contextmanager
def together(session: Session) -> Iterator[Any]:
    """Statements inside travel in one round trip; none of them may be read from, and a failure may show late.

    Yields the driver's connection, so that its commit can travel with them. Errors of the driver come as those
    of SQLAlchemy, as from any other statement: whoever waits for a database or names a conflict knows only these.
    """
    connection: Any = session.connection().connection.driver_connection
    try:
        with connection.pipeline():
            yield connection
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def _hung_up(connection: Any) -> bool:
    import select

    try:
        readable, _, _ = select.select([connection.fileno()], [], [], 0)
    except (OSError, ValueError):
        return True
    if not readable:
        return False
    connection.pgconn.consume_input()
    return bool(connection.pgconn.status != 0)


def check_server(engine: Engine) -> None:
    """Raises MissingPart when the server is unreachable or too old."""
    try:
        with engine.connect() as connection:
            version = connection.execute(text("SHOW server_version_num")).scalar_one()
    except sa.exc.OperationalError as error:
        # The first line names the address and what happened; what follows are the driver's own guesses.
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        raise MissingPart(f"The database cannot be reached ({reason}); start it or correct --database-url.") from error
    if int(version) < MINIMUM_SERVER_VERSION:
        raise MissingPart(f"PostgreSQL 15 or newer is needed, the server has {int(version) // 10000}; upgrade it.")


def migrate(engine: Engine, directory: Path) -> None:
    """Brings the schema to the newest revision; processes that start together take turns.

    The check that nothing is to do costs one query, so that a second start stays fast.
    """
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from alembic.script import ScriptDirectory

    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(directory).replace("%", "%%"))
    heads = set(ScriptDirectory.from_config(configuration).get_heads())
    with engine.connect() as connection:
        if _revisions(connection) == heads:
            return
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        try:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.commit()


def migrate_to(connection: sa.Connection, directory: Path, revision: str) -> None:
    """Makes the schema of one revision, within the transaction at hand. Raises MissingPart for an unknown one."""
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(directory).replace("%", "%%"))
    try:
        ScriptDirectory.from_config(configuration).get_revision(revision)
    except CommandError as error:
        raise MissingPart(f"The schema {revision} is of a later release; update the gateway first.") from error
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _revisions(connection: sa.Connection) -> set[str]:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return set()
    return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
