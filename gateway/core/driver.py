"""Statements that go straight to the driver: past SQLAlchemy, each costs a third of the processor time."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

Statement = tuple[str, Mapping[str, Any]]
"""SQL of the driver with `%(name)s` for each value, and the values."""


def execute(session: Session, statement: Statement) -> None:
    """Runs a statement of the driver within the session's transaction."""
    connection: Any = session.connection().connection.driver_connection
    with named_errors(), psycopg.ClientCursor(connection) as cursor:
        cursor.execute(*statement)


@contextmanager
def together(session: Session) -> Iterator[Any]:
    """Statements inside travel in one round trip; none of them may be read from, and a failure may show late.

    Gives the driver's connection.
    """
    connection: Any = session.connection().connection.driver_connection
    with named_errors(), connection.pipeline():
        yield connection


@contextmanager
def alone(engine: Engine) -> Iterator[Any]:
    """A connection of the driver on which each message is a transaction of its own."""
    with named_errors(), closing(engine.raw_connection()) as pooled:
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


@contextmanager
def named_errors() -> Iterator[None]:
    """Around the driver's own calls: their errors come as those of SQLAlchemy, as from any other statement.

    Whoever waits for a database or names a conflict knows only these.
    """
    try:
        yield
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def circle(error: Exception) -> dict[str, str]:
    """For the log: who waited for whom in a deadlock, and where; nothing of any other error.

    The database names processes, locks, tables and its functions there, and no values.
    """
    cause = getattr(error, "orig", None)
    if not isinstance(cause, psycopg.errors.DeadlockDetected):
        return {}
    return {"circle": cause.diag.message_detail or "", "context": cause.diag.context or ""}
