"""What refers to a row, read off the foreign keys, so that new rooms join in."""

import uuid
from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, Table, func, literal, select
from sqlalchemy.orm import Session

from .database import Base
from .errors import Conflict

COUNTED = 1000
"""How many of one kind are counted before the answer is "more"."""

Named = Mapping[str, tuple[str, ColumnElement[bool]]]
"""Tables that name the row without a foreign key: what their rows are called, and how they name it."""


def references(session: Session, table: str, row_id: uuid.UUID, named: Named | None = None) -> dict[str, int]:
    """How many of each kind keep the row from being deleted, each counted up to COUNTED + 1; none are left out."""
    counts: dict[str, int] = {}
    for kind, referring, condition in _referring(table, row_id, named or {}):
        few = select(literal(1)).select_from(referring).where(condition).limit(COUNTED + 1).subquery()
        if count := session.scalar(select(func.count()).select_from(few)):
            counts[kind] = counts.get(kind, 0) + count
    return counts


def counted(kind: str, count: int) -> str:
    """A kind with its count, to be read: `1 role binding`, `2 policy rules`."""
    words = kind.replace("_", " ")
    return f"{_in_words(count)} {words.removesuffix('s') if count == 1 else words}"


def still_referenced(place: str, found: Mapping[str, int]) -> Conflict:
    """The refusal to delete what `references` found something in."""
    detail = ", ".join(counted(kind, count) for kind, count in found.items())
    errors = [(kind, _in_words(count)) for kind, count in found.items()]
    return Conflict(f"Still in this {place}: {detail}.", code="still_referenced", errors=errors)


def _in_words(count: int) -> str:
    return str(count) if count <= COUNTED else f"more than {COUNTED}"


def _referring(table: str, row_id: uuid.UUID, named: Named) -> Iterator[tuple[str, Table, ColumnElement[bool]]]:
    target = Base.metadata.tables[table]
    for each in Base.metadata.sorted_tables:
        for key in each.foreign_keys:
            if key.column.table is target and key.ondelete != "CASCADE":
                yield each.name, each, key.parent == row_id
        if each.name in named:
            kind, condition = named[each.name]
            yield kind, each, condition
