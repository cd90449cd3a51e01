"""Rows that nobody reads again in their unit of work: all of them in one round trip, straight through the driver.

As with `FixedQuery`, a table's statement is made once: through SQLAlchemy each one costs five times the processor time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .database import DIALECT, Base, together

Row = dict[str, Any]


def insert_all(session: Session, given: Iterable[tuple[type[Base], list[dict[str, Any]]]]) -> None:
    """Stores rows by their columns' names, those of a table that others refer to first. A failure may show late."""
    rows: dict[_Insert, list[Row]] = {}
    for model, some in given:
        for row in some:
            rows.setdefault(_insert(model.__tablename__, frozenset(row)), []).append(row)
    with together(session) as connection, connection.cursor() as cursor:
        for insert in sorted(rows, key=lambda insert: insert.rank):
            for row in rows[insert]:
                cursor.execute(insert.sql, insert.values(row))


@dataclass(frozen=True, eq=False)
class _Insert:
    """The statement for rows that have the same columns."""

    sql: str
    rank: int
    """Tables that others refer to come before these."""
    processors: Mapping[str, Callable[[Any], Any]]
    """Makes of a value what the driver takes, where that is another."""
    defaults: Mapping[str, Callable[[], Any]]

    def values(self, row: Row) -> dict[str, Any]:
        """What the driver is given for a row."""
        values = {**row, **{name: default() for name, default in self.defaults.items()}}
        for name, process in self.processors.items():
            values[name] = process(values[name])
        return values


@cache
def _insert(table_name: str, names: frozenset[str]) -> _Insert:
    table = Base.metadata.tables[table_name]
    compiled: Any = sa.insert(table).compile(dialect=DIALECT, column_keys=sorted(names))
    defaults = {column.key: _default(column) for column in compiled.insert_prefetch}
    processors = {}
    for name in names | defaults.keys():
        if process := table.c[name].type.dialect_impl(DIALECT).bind_processor(DIALECT):
            processors[name] = process
    return _Insert(str(compiled), _rank(table), processors, defaults)


def _default(column: sa.Column[Any]) -> Callable[[], Any]:
    default: Any = column.default
    return (lambda: default.arg(None)) if default.is_callable else (lambda: default.arg)


@cache
def _rank(table: sa.Table) -> int:
    """One more than that of any table it refers to."""
    others = {key.column.table for key in table.foreign_keys} - {table}
    return 1 + max((_rank(other) for other in others), default=0)
