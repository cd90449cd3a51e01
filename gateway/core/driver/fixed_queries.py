"""Queries that never change: made once, asked straight of the driver, several of them in one round trip."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import sqlalchemy as sa
from psycopg.rows import namedtuple_row
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from gateway.core.database import DIALECT

from .gathering import Gathering
from .statements import Kept, alone, kept, named_errors, together, within


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
        with within(session) as connection:
            return self.rows_by(connection, values)

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

    def rows_at_once(self, session: Session, **values: Any) -> list[Any]:
        """All rows; what the query changes is committed with it, where nothing is open in the session already."""
        engine = session.get_bind()
        if session.in_transaction() or not isinstance(engine, Engine):
            return self.rows(session, **values)
        return self.rows_alone(engine, **values)

    def rows_alone(self, engine: Engine, **values: Any) -> list[Any]:
        """The same by themselves, outside of any transaction: one round trip is all it takes."""
        with alone(engine) as connection:
            return self.rows_by(connection, values)

    def rows_by(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        """All rows, asked for on a connection of the driver."""
        sql, fixed = self._compiled
        with named_errors(), connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(sql, {**fixed, **values}).fetchall()  # type: ignore[no-any-return]

    def sent(self, connection: Any, values: dict[str, Any]) -> Any:
        """The cursor that will have the rows, when the pipeline at hand is through."""
        sql, fixed = self._compiled
        return connection.cursor(row_factory=namedtuple_row).execute(sql, {**fixed, **values})


def any_of(name: str, item: TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """What a column of a fixed query is compared to with `==`: any of the values in the list of this name.

    By a subquery, so that no plan depends on the list. Else the server plans each list anew: it is shorter than the ten
    values that a plan for all lists reckons with, which therefore seems dearer.
    """
    given = ARRAY(item)
    return sa.func.any(sa.cast(sa.select(sa.bindparam(name, type_=given)).scalar_subquery(), given))


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
        with named_errors(), cursor:
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
            connections = kept(engine)
            gathering = Gathering(partial(self._look_up, connections), connections.rest)
            self._gatherings[engine] = gathering
        return gathering.ask(key)

    def _look_up(self, connections: Kept, keys: list[Any]) -> list[Any]:
        found: dict[Any, Any] = {}
        with connections.alone() as connection:
            for row in self._query.rows_by(connection, {"keys": list(set(keys)), **self._values()}):
                found.setdefault(row.key, row)
        return [found.get(key) for key in keys]
