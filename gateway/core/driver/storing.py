"""Rows and changes that travel together with the commit: all of them in one round trip, straight through the driver.

As with `FixedQuery`, a statement is made once for each shape: through SQLAlchemy each costs five times the processor
time. `entity` reads what `store` can change.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, make_transient_to_detached

from gateway.core.database import DIALECT, Base

from .statements import together

Row = dict[str, Any]
M = TypeVar("M", bound=Base)

_KEY = "changed_id"


def columns_of(model: type[Base], *but: str) -> list[Any]:
    """What a `FixedQuery` selects for `entity`: every attribute but these, each by its name."""
    return [getattr(model, name).label(name) for name in _attributes(model) if name not in but]


def entity(model: type[M], row: Any) -> M:
    """The row as an entity that no session keeps: nobody stores its changes but `Work.save`."""
    found, values = model(), row._asdict()
    found.__dict__.update({name: values[name] for name in _attributes(model) if name in values})
    make_transient_to_detached(found)
    return found


def store(session: Session, rows: Iterable[tuple[type[Base], list[Row]]], changed: Iterable[Base]) -> None:
    """Stores the changes of entities, which are to be locked, and then rows by their columns' names.

    Rows that others refer to come first. A failure may show late.
    """
    statements: dict[_Statement, list[Row]] = {}
    for model, some in rows:
        for row in some:
            statements.setdefault(_insert(model.__tablename__, frozenset(row)), []).append(row)
    with together(session) as connection, connection.cursor() as cursor:
        for one in changed:
            if sa.inspect(one).committed_state:
                update, values = _change(one)
                cursor.execute(update.sql, update.values(values))
        for insert in sorted(statements, key=lambda statement: statement.rank):
            for row in statements[insert]:
                cursor.execute(insert.sql, insert.values(row))


@dataclass(frozen=True, eq=False)
class _Statement:
    """The statement for rows, or changes, of the same columns."""

    sql: str
    rank: int
    """Tables that others refer to come before these."""
    processors: Mapping[str, Callable[[Any], Any]]
    """Makes of a value what the driver takes, where that is another."""
    defaults: Mapping[str, Callable[[], Any]]

    def values(self, row: Row) -> Row:
        """What the driver is given for a row."""
        values = {**row, **{name: default() for name, default in self.defaults.items()}}
        for name, process in self.processors.items():
            values[name] = process(values[name])
        return values


def _change(changed: Base) -> tuple[_Statement, Row]:
    """What stores the attributes that were set since the entity was read; its version counts up, where it has one."""
    state: Any = sa.inspect(changed)
    values = {state.mapper.attrs[name].columns[0].key: getattr(changed, name) for name in state.committed_state}
    if (version := state.mapper.version_id_col) is not None:
        values[version.key] = getattr(changed, version.key) + 1
    return _update(changed.__tablename__, frozenset(values)), {**values, _KEY: changed.id}  # type: ignore[attr-defined]


@cache
def _update(table_name: str, names: frozenset[str]) -> _Statement:
    table = Base.metadata.tables[table_name]
    update = sa.update(table).where(table.c.id == sa.bindparam(_KEY))
    compiled: Any = update.compile(dialect=DIALECT, column_keys=sorted(names))
    return _statement(table, compiled, names, {column.key: column.onupdate for column in compiled.update_prefetch})


@cache
def _insert(table_name: str, names: frozenset[str]) -> _Statement:
    table = Base.metadata.tables[table_name]
    compiled: Any = sa.insert(table).compile(dialect=DIALECT, column_keys=sorted(names))
    return _statement(table, compiled, names, {column.key: column.default for column in compiled.insert_prefetch})


def _statement(table: sa.Table, compiled: Any, names: frozenset[str], given: Mapping[str, Any]) -> _Statement:
    processors = {}
    for name in names | given.keys():
        if process := table.c[name].type.dialect_impl(DIALECT).bind_processor(DIALECT):
            processors[name] = process
    defaults = {name: _default(default) for name, default in given.items()}
    return _Statement(str(compiled), _rank(table), processors, defaults)


def _default(default: Any) -> Callable[[], Any]:
    return (lambda: default.arg(None)) if default.is_callable else (lambda: default.arg)


@cache
def _rank(table: sa.Table) -> int:
    """One more than that of any table it refers to."""
    others = {key.column.table for key in table.foreign_keys} - {table}
    return 1 + max((_rank(other) for other in others), default=0)


@cache
def _attributes(model: type[Base]) -> tuple[str, ...]:
    return tuple(attribute.key for attribute in sa.inspect(model).column_attrs)
