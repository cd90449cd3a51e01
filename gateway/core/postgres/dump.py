"""The rows of a database, table by table, out of one snapshot and back in one transaction.

The schema is not part of it: it is made by the migrations, at the revision that the rows had, so that a database of any
server version takes them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg import sql

from gateway.core.archive import Source

CHUNK = 256 * 1024

_TABLES = """
SELECT c.relname,
       array_agg(a.attname::text ORDER BY a.attnum)
           FILTER (WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname <> 'alembic_version'
 GROUP BY c.relname ORDER BY c.relname
"""
_SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences
 WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY sequencename
"""
_PARTITIONS = """
SELECT c.relname, p.relname, pg_get_expr(c.relpartbound, c.oid)
  FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relispartition AND c.relkind = 'r' ORDER BY c.relname
"""
_REFERENCES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE contype = 'f' AND conparentid = 0 AND connamespace = current_schema()::regnamespace ORDER BY oid
"""
_TRIGGERED = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
 WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """All of them."""


Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a snapshot holds besides rows: columns by table, sequences, (name, parent, bound) of partitions."""

    tables: dict[str, list[str]]
    sequences: dict[str, int]
    partitions: list[tuple[str, str, str]]

    def plain(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        return {"tables": self.tables, "sequences": self.sequences, "partitions": self.partitions}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Contents":
        """Out of a manifest."""
        return cls(
            dict(plain["tables"]), dict(plain["sequences"]),
            [(name, parent, bound) for name, parent, bound in plain["partitions"]],
        )  # fmt: skip


def take_snapshot(connection: Connection) -> Contents:
    """Begins a transaction that sees the database as it is now, however long it reads; nobody waits for it."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    tables = {name: list(columns) for name, columns in connection.execute(_TABLES).fetchall()}
    sequences = {name: int(value) for name, value in connection.execute(_SEQUENCES).fetchall()}
    partitions = [(name, parent, bound) for name, parent, bound in connection.execute(_PARTITIONS).fetchall()]
    return Contents(tables, sequences, partitions)


def revision(connection: Connection) -> str:
    """The migration that the schema is at; "" for a database without one."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def rows_out(connection: Connection, table: str, columns: list[str], sink: Sink) -> int:
    """Writes a table's rows; returns how many."""
    chosen = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy_out = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(chosen, sql.Identifier(table))
    with connection.cursor() as cursor:
        with cursor.copy(copy_out) as copy:
            for chunk in copy:
                sink.write(bytes(chunk))
        return cursor.rowcount


def load(
    connection: Connection, contents: Contents, opened: Callable[[str], AbstractContextManager[Source]]
) -> Iterator[tuple[str, int]]:
    """Puts rows in place of what the tables hold, within the transaction at hand; yields (table, rows) as it goes.

    The schema is there. References are taken away meanwhile and held to the rows at the end; triggers do not fire.
    """
    references = connection.execute(_REFERENCES).fetchall()
    for table, name, _ in references:
        _run(connection, "ALTER TABLE {} DROP CONSTRAINT {}", sql.SQL(table), sql.Identifier(name))
    triggered = [table for (table,) in connection.execute(_TRIGGERED).fetchall()]
    for table in triggered:
        _run(connection, "ALTER TABLE {} DISABLE TRIGGER USER", sql.SQL(table))
    present = {name for (name, _) in connection.execute(_TABLES).fetchall()}
    _run(connection, "TRUNCATE {}", sql.SQL(", ").join(map(sql.Identifier, sorted(present))))
    there = {name for name, _, _ in connection.execute(_PARTITIONS).fetchall()}
    for name, parent, bound in contents.partitions:
        if name not in there:
            names = (sql.Identifier(name), sql.Identifier(parent), sql.SQL(bound))
            _run(connection, "CREATE TABLE {} PARTITION OF {} {}", *names)
    for table, columns in contents.tables.items():
        with opened(table) as source:
            yield table, _rows_in(connection, table, columns, source)
    for name, value in contents.sequences.items():
        connection.execute("SELECT setval(%s::regclass, %s)", (f'"{name}"', value))
    for table, name, definition in references:
        parts = (sql.SQL(table), sql.Identifier(name), sql.SQL(definition))
        _run(connection, "ALTER TABLE {} ADD CONSTRAINT {} {}", *parts)
    for table in triggered:
        _run(connection, "ALTER TABLE {} ENABLE TRIGGER USER", sql.SQL(table))


def clear(connection: Connection) -> None:
    """Takes everything out of the schema, within the transaction at hand."""
    connection.execute("DROP SCHEMA public CASCADE")
    connection.execute("CREATE SCHEMA public")


def _rows_in(connection: Connection, table: str, columns: list[str], source: Source) -> int:
    chosen = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy_in = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), chosen)
    with connection.cursor() as cursor:
        with cursor.copy(copy_in) as copy:
            while chunk := source.read(CHUNK):
                copy.write(chunk)
        return cursor.rowcount


def _run(connection: Connection, statement: str, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*parts))
