"""Statements that go straight to the driver: past SQLAlchemy, each costs a third of the processor time."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from gateway.core.database import hung_up

Statement = tuple[str, Mapping[str, Any]]
"""SQL of the driver with `%(name)s` for each value, and the values."""


@contextmanager
def within(session: Session) -> Iterator[Any]:
    """The driver's connection of the session's transaction.

    Who is stopped in the middle of an exchange gives it up: the answer is still on its way.
    """
    connection = session.connection()
    try:
        with named_errors():
            yield connection.connection.driver_connection
    except Exception:
        raise
    except BaseException:  # a greenlet was killed, or its time is over
        connection.invalidate()
        raise


def execute(session: Session, statement: Statement) -> None:
    """Runs a statement of the driver within the session's transaction."""
    with within(session) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(*statement)


@contextmanager
def together(session: Session) -> Iterator[Any]:
    """Statements inside travel in one round trip; none of them may be read from, and a failure may show late.

    Gives the driver's connection.
    """
    with within(session) as connection, connection.pipeline():
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


class Kept:
    """Connections as of `alone` for who needs one again and again: to open it each time costs as much as to ask.

    What was used last is used next, since the server has at hand what it did last.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[tuple[ExitStack, Any]] = []

    @contextmanager
    def alone(self) -> Iterator[Any]:
        """A connection, kept afterwards unless something went wrong."""
        opened, connection = self._taken()
        try:
            with named_errors():
                yield connection
        except BaseException:
            _let_go(opened)
            raise
        self._idle.append((opened, connection))

    def rest(self) -> None:
        """Gives back those that nobody uses."""
        while self._idle:
            _let_go(self._idle.pop()[0])

    def _taken(self) -> tuple[ExitStack, Any]:
        while self._idle:
            opened, connection = self._idle.pop()
            if not (connection.closed or hung_up(connection)):
                return opened, connection
            _let_go(opened)
        opened = ExitStack()
        return opened, opened.enter_context(alone(self._engine))


def _let_go(opened: ExitStack) -> None:
    with suppress(sa.exc.SQLAlchemyError, psycopg.Error):  # one that is broken needs no more
        opened.close()


_KEPT: dict[Engine, Kept] = {}
"""One entry, since a process has one database."""


def kept(engine: Engine) -> Kept:
    """The connections that this process keeps to that database."""
    found = _KEPT.get(engine)
    return found if found is not None else _KEPT.setdefault(engine, Kept(engine))


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
