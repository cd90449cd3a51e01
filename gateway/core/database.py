"""The one database: declarative base, engine, session factory.

Rooms declare typed SQLAlchemy 2 models on `Base`. The gateway hands the same engine to
Flask-SQLAlchemy; the node, which knows no Flask, uses `Database` as it is.
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import ConnStatus, TransactionStatus
from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from .errors import MissingPart

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
        # Every list is a short index range: starting parallel workers for it would take longer than reading it, and
        # it is read from memory or a disk without moving parts, where a page here and there costs hardly more.
        "options": "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=120s"
        f" -c max_parallel_workers_per_gather=0 -c random_page_cost=1.1 {SERVER_SIDE}",
    },
}


DIALECT = make_url("postgresql+psycopg://").get_dialect()()

PLANNED_ANEW = {"is_planned_anew": True}
"""Execution options of a query whose best plan depends on its values: how rare a status is, or a word.

Of what comes again and again the server keeps one plan for all values (PREPARE in PostgreSQL's manual).
"""

AT_ONCE = {"isolation_level": "AUTOCOMMIT"}
"""Connection options for a single statement: without the round trips that begin and end a transaction."""


class Database:
    """An engine with its session factory."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.engine: Engine = create_engine(sqlalchemy_url(url), **{**ENGINE_OPTIONS, **options})
        drop_dead_connections(self.engine)
        plan_anew(self.engine)
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
        if dbapi_connection.closed or hung_up(dbapi_connection):
            raise sa.exc.DisconnectionError("the server closed the connection")

    @event.listens_for(engine, "reset")
    def reset(dbapi_connection: Any, record: Any, state: Any) -> None:
        # In place of the pool's own rollback, which costs as much where there is nothing to roll back.
        if not state.terminate_only and dbapi_connection.pgconn.transaction_status != TransactionStatus.IDLE:
            dbapi_connection.rollback()


def plan_anew(engine: Engine) -> None:
    """Has queries with the options `PLANNED_ANEW` planned each time."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        is_planned_anew = context is not None and "is_planned_anew" in context.execution_options
        if is_planned_anew:
            cursor.execute(statement, parameters, prepare=False)
        return is_planned_anew


def hung_up(connection: Any) -> bool:
    """Whether the server has ended a connection of the driver that is not in use."""
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
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        # The first line names the address and what happened; what follows are the driver's own guesses.
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        raise MissingPart(f"The database cannot be reached ({reason}); start it or correct --database-url.") from error
    if int(version) < MINIMUM_SERVER_VERSION:
        raise MissingPart(f"PostgreSQL 15 or newer is needed, the server has {int(version) // 10000}; upgrade it.")
