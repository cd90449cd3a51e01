"""The one database: declarative base, engine, session factory, migrations at start.

Rooms declare typed SQLAlchemy 2 models on `Base`. The gateway hands the same engine to
Flask-SQLAlchemy; the node, which knows no Flask, uses `Database` as it is.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import psycopg
import sqlalchemy as sa
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from .errors import MissingPart
from .gathering import Gathering

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


SERVER_SIDE = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "tcp_keepalives_idle": 5, "tcp_keepalives_interval": 3, "tcp_keepalives_count": 2, "tcp_user_timeout": 11_000,
    }.items()
)  # fmt: skip
"""Settings of a session by which the server knows a vanished client after 11 s: what a lost node had locked is free in
time for others to take over its runs."""

BY_NETWORK = {
    "sslmode": "require", "options": SERVER_SIDE,
    "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "20000",
}  # fmt: skip
"""Of a connection to another machine, in the words of libpq: never in the clear unless the URL says so, and known to be
dead 25 s after the other side has vanished without a word."""


def sqlalchemy_url(url: str) -> str:
    """Any PostgreSQL URL in the spelling that selects psycopg 3. Raises MissingPart for other databases."""
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise MissingPart("The database URL cannot be read; write postgresql://USER:PASSWORD@HOST/NAME.") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise MissingPart(f"{parsed.get_backend_name()} is not supported; give the URL of a PostgreSQL database.")
    return _by_network(parsed.set(drivername="postgresql+psycopg")).render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """The same URL in the spelling of libpq, for psycopg itself."""
    rendered = _by_network(make_url(url).set(drivername="postgresql")).render_as_string(hide_password=False)
    address, mark, query = rendered.partition("?")
    # libpq knows a space as %20 alone: a plus is a plus to it, and a space an error.
    return address.replace(" ", "%20") + mark + query.replace("+", "%20")


def _by_network(url: sa.URL) -> sa.URL:
    """A URL of another machine gets what a network asks for; what it says itself stays."""
    if url.host is None or url.host in ("localhost", "127.0.0.1", "::1"):
        return url
    return url.update_query_dict({name: value for name, value in BY_NETWORK.items() if name not in url.query})


ENGINE_OPTIONS: dict[str, Any] = {
    "hide_parameters": True,  # an error in the log must not show values
    # Opened when needed and kept: one past the pool's size would be opened and closed for every request.
    "pool_size": 32,
    "max_overflow": 8,
    "pool_timeout": 30,  # many at once on a busy machine wait for their turn: a late answer is worth more than none
    "pool_pre_ping": False,
    "pool_use_lifo": True,
    "pool_reset_on_return": None,  # `drop_dead_connections` does it
    "connect_args": {
        "connect_timeout": 10,
        "application_name": "user-api-gateway",
        # Every list is a short index range: starting parallel workers for it would take longer than reading it.
        "options": "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=120s"
        f" -c max_parallel_workers_per_gather=0 {SERVER_SIDE}",
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

    @event.listens_for(engine, "reset")
    def reset(dbapi_connection: Any, record: Any, state: Any) -> None:
        # In place of the pool's own rollback, which costs as much where there is nothing to roll back.
        if not state.terminate_only and dbapi_connection.pgconn.transaction_status != TransactionStatus.IDLE:
            dbapi_connection.rollback()


@contextmanager
def together(session: Session) -> Iterator[Any]:
    """Statements inside travel in one round trip; none of them may be read from, and a failure may show late.

    Gives the driver's connection.
    """
    connection: Any = session.connection().connection.driver_connection
    with _named_errors(), connection.pipeline():
        yield connection


Statement = tuple[str, Mapping[str, Any]]
"""SQL of the driver with `%(name)s` for each value, and the values."""


class FixedQuery:
    """A query that never changes: its SQL is made once and goes straight to the driver.

    For what every request asks: it costs a third of the processor time. Values are given by the names of the
    `bindparam`s, and rows are named tuples of what the driver makes of the columns.
    """

    def __init__(self, query: sa.Executable) -> None:
        self._query = query

    @cached_property
    def _compiled(self) -> tuple[str, dict[str, Any]]:
        compiled: Any = self._query.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        return str(compiled), compiled.params

    def rows(self, session: Session, **values: Any) -> list[Any]:
        """All rows, as they are in the session's transaction."""
        if session.autoflush:
            session.flush()
        return self._fetched(session.connection().connection.driver_connection, values)

    def ask(self, session: Session, **values: Any) -> "Answer":
        """The rows, later: all that was asked travels in one round trip, in its order, once the first answer is read.

        What it locks is locked from then on.
        """
        answer = Answer(session, self, values)
        session.info.setdefault(_ASKED, []).append(answer)
        return answer

    def first(self, session: Session, **values: Any) -> Any:
        """The first row; None where there is none."""
        return next(iter(self.rows(session, **values)), None)

    def rows_alone(self, engine: Engine, **values: Any) -> list[Any]:
        """The same by themselves, outside of any transaction: one round trip is all it takes."""
        with alone(engine) as connection:
            return self._fetched(connection, values)

    def _fetched(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        sql, fixed = self._compiled
        with _named_errors(), connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(sql, {**fixed, **values}).fetchall()  # type: ignore[no-any-return]

    def sent(self, connection: Any, values: dict[str, Any]) -> Any:
        """The cursor that will have the rows, when the pipeline at hand is through."""
        sql, fixed = self._compiled
        return connection.cursor(row_factory=namedtuple_row).execute(sql, {**fixed, **values})


_ASKED = "asked"


@dataclass(slots=True)
class Answer:
    """Rows that were asked for."""

    session: Session
    query: FixedQuery
    values: dict[str, Any]
    found: list[Any] | None = None

    def rows(self) -> list[Any]:
        """All of them."""
        if self.found is None:
            _fetch_asked(self.session)
        assert self.found is not None
        return self.found


def _fetch_asked(session: Session) -> None:
    asked: list[Answer] = session.info.pop(_ASKED)
    if session.autoflush:
        session.flush()
    with together(session) as connection:
        cursors = [answer.query.sent(connection, answer.values) for answer in asked]
    for answer, cursor in zip(asked, cursors, strict=True):
        with _named_errors(), cursor:
            answer.found = cursor.fetchall()


class KeyedQuery:
    """A fixed query for things of certain keys, which it compares to `= ANY(keys)` and gives back as the column `key`.

    Outside of a transaction, those who ask for single keys while rows are on their way share the next statement.
    `values` are those of its other names at that moment.
    """

    def __init__(self, query: sa.Executable, values: Callable[[], dict[str, Any]] = dict) -> None:
        self._query = FixedQuery(query)
        self._values = values
        self._gatherings: dict[Engine, Gathering[Any, Any]] = {}

    def first(self, session: Session, key: Any) -> Any:
        """The first row of that key, as it is in the session's transaction, or alone without one; None without any."""
        engine = session.get_bind()
        if session.in_transaction() or not isinstance(engine, Engine):
            return self._query.first(session, keys=[key], **self._values())
        return self.first_alone(engine, key)

    def first_alone(self, engine: Engine, key: Any) -> Any:
        """The same outside of any transaction."""
        gathering = self._gatherings.get(engine)
        if gathering is None:
            gathering = self._gatherings[engine] = Gathering(partial(self._look_up, engine))
        return gathering.ask(key)

    def _look_up(self, engine: Engine, keys: list[Any]) -> list[Any]:
        found: dict[Any, Any] = {}
        for row in self._query.rows_alone(engine, keys=list(set(keys)), **self._values()):
            found.setdefault(row.key, row)
        return [found.get(key) for key in keys]


@contextmanager
def alone(engine: Engine) -> Iterator[Any]:
    """A connection of the driver on which each message is a transaction of its own."""
    with _named_errors(), closing(engine.raw_connection()) as pooled:
        connection: Any = pooled.driver_connection
        connection.autocommit = True
        try:
            yield connection
        finally:
            with suppress(psycopg.Error):
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    connection.rollback()
                connection.autocommit = False
            if connection.autocommit:
                pooled.invalidate()


DIALECT = make_url("postgresql+psycopg://").get_dialect()()
Wait = Literal["with", "after", "never"]
"""When a commit waits for the disk: as it is made, while it holds its locks; after it has let go of them, so that many
wait together; or never, when it is written down within a second all the same and only a crash loses it.

What others see of a commit before it is durable, they store something on later only: a crash never keeps that alone.
"""

_NOT_WAITING = "SELECT set_config('synchronous_commit', 'off', true)"
_WAIT_NOW = "SELECT pg_logical_emit_message(true, 'gateway', '')"
"""A commit of nothing but a mark in the log of the database: it waits until all before it is on disk."""

_IS_DURABLE = FixedQuery(sa.text("SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() AS is_durable"))


def make_durable(session: Session) -> None:
    """Waits until all that was committed is on disk: for who is about to tell others outside of it."""
    Durability(session).make()


class Durability:
    """Whether all that was committed is on disk; asked for after what was asked before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._answer = _IS_DURABLE.ask(session)

    @property
    def is_there(self) -> bool:
        """What the database said."""
        return bool(self._answer.rows()[0].is_durable)

    def make(self) -> None:
        """Waits for the disk where it has to."""
        if not self.is_there:
            self._session.execute(sa.text(_WAIT_NOW))
            self._session.commit()


def execute(session: Session, statement: Statement) -> None:
    """Runs a statement of the driver within the session's transaction."""
    connection: Any = session.connection().connection.driver_connection
    with _named_errors(), psycopg.ClientCursor(connection) as cursor:
        cursor.execute(*statement)


def commit_with(session: Session, statements: Sequence[Statement], *, wait: Wait = "with") -> None:
    """Sends statements and the commit in one message; none of the statements may be read from.

    That is one round trip for all of them, and no lock that they take is held for longer than the server is at work.
    """
    engine = session.get_bind()
    if isinstance(engine, Engine) and not session.in_transaction():
        commit_alone(engine, statements, wait=wait)
        return
    connection: Any = session.connection().connection.driver_connection
    _send(connection, [*_beginning(wait), *statements, ("COMMIT", {}), *_end(wait)])


def commit_alone(engine: Engine, statements: Sequence[Statement], *, wait: Wait = "with") -> None:
    """The same for a transaction of these statements alone."""
    with alone(engine) as connection:
        if wait == "after":
            _send(connection, [("BEGIN", {}), *_beginning(wait), *statements, ("COMMIT", {}), *_end(wait)])
        else:
            _send(connection, [*_beginning(wait), *statements])  # one message is one transaction


def _beginning(wait: Wait) -> list[Statement]:
    return [] if wait == "with" else [(_NOT_WAITING, {})]


def _end(wait: Wait) -> list[Statement]:
    return [(_WAIT_NOW, {})] if wait == "after" else []


def _send(connection: Any, statements: Sequence[Statement]) -> None:
    with _named_errors(), psycopg.ClientCursor(connection) as cursor:
        cursor.execute("; ".join(cursor.mogrify(sql, values or None) for sql, values in statements))


@contextmanager
def _named_errors() -> Iterator[None]:
    """Around the driver's own calls: their errors come as those of SQLAlchemy, as from any other statement.

    Whoever waits for a database or names a conflict knows only these.
    """
    try:
        yield
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def _hung_up(connection: Any) -> bool:
    try:
        connection.pgconn.consume_input()  # a last word of the server's
        connection.pgconn.consume_input()  # and that there is no more
    except psycopg.Error:
        return True
    return bool(connection.pgconn.status != ConnStatus.OK)


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
    """Brings the schema to the newest revision, all of it or nothing; processes that start together take turns.

    The check that nothing is to do costs one query, so that a second start stays fast. Where there are rows already,
    more is checked before the commit. Raises MissingPart when that fails; the database is then as it was.
    """
    heads = {newest_revision(directory)}
    with engine.connect() as connection:
        if _revisions(connection) == heads:
            return
        connection.commit()
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        try:
            with connection.begin():
                if _revisions(connection) != heads:
                    _upgrade(connection, directory)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.commit()


def _upgrade(connection: sa.Connection, directory: Path) -> None:
    from alembic import command

    from . import upgrade_check

    connection.execute(text("SET LOCAL statement_timeout = 0"))
    before = upgrade_check.rows(connection) if _revisions(connection) else None
    configuration = _alembic(directory)
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
    if before is not None:
        upgrade_check.check(connection, before)


def newest_revision(directory: Path) -> str:
    """The migration that the schema of this release is at."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(_alembic(directory)).get_current_head()
    assert head is not None
    return head


def _alembic(directory: Path) -> Any:
    from alembic.config import Config as AlembicConfig

    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(directory).replace("%", "%%"))
    return configuration


def migrate_to(connection: sa.Connection, directory: Path, revision: str) -> None:
    """Makes the schema of one revision, within the transaction at hand. Raises MissingPart for an unknown one."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    configuration = _alembic(directory)
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
