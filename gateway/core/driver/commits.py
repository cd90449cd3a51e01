"""Commits: in one message with what they store, and waiting for the disk when it costs least."""

from collections.abc import Sequence
from typing import Any, Literal

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from .fixed_queries import FixedQuery
from .statements import Statement, alone, named_errors, within

Wait = Literal["with", "after", "never"]
"""When a commit waits for the disk: as it is made, while it holds its locks; after it has let go of them, so that many
wait together; or never, when it is written down within a second all the same and only a crash loses it.

What others see of a commit before it is durable, they store something on later only: a crash never keeps that alone.
"""

_NOT_WAITING = "SET LOCAL synchronous_commit TO off"
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


def commit_with(session: Session, statements: Sequence[Statement], *, wait: Wait = "with") -> None:
    """Sends statements and the commit in one message; none of the statements may be read from.

    That is one round trip for all of them, and no lock that they take is held for longer than the server is at work.
    """
    engine = session.get_bind()
    if isinstance(engine, Engine) and not session.in_transaction():
        with alone(engine) as lone:
            commit_alone(lone, statements, wait=wait)
        return
    with within(session) as connection:
        _send(connection, [*_beginning(wait), *statements, ("COMMIT", {}), *_end(wait)])


def commit_alone(connection: Any, statements: Sequence[Statement], *, wait: Wait = "with") -> None:
    """The same for a transaction of these statements alone, on a connection as of `alone`."""
    if wait == "after":
        _send(connection, [("BEGIN", {}), *_beginning(wait), *statements, ("COMMIT", {}), *_end(wait)])
    else:
        _send(connection, [*_beginning(wait), *statements])  # one message is one transaction


def _beginning(wait: Wait) -> list[Statement]:
    return [] if wait == "with" else [(_NOT_WAITING, {})]


def _end(wait: Wait) -> list[Statement]:
    return [(_WAIT_NOW, {})] if wait == "after" else []


def _send(connection: Any, statements: Sequence[Statement]) -> None:
    with named_errors(), psycopg.ClientCursor(connection) as cursor:
        cursor.execute("; ".join(cursor.mogrify(sql, values or None) for sql, values in statements))
