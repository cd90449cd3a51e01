"""Keyset pages over one unique, ordered column: page 10,000 costs what page 1 costs."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from .errors import Invalid
from .schemas import PageQuery

R = TypeVar("R")

MOST_COUNTED = 10_000
"""Where counting ends: no count looks at more rows than that."""

AS_MADE = "created_at"
"""What every list can be sorted by: the order of its keys, which is that in which things were made."""


@dataclass(frozen=True)
class Listed(Generic[R]):
    """A page as a client has asked for it; `count` is there when it was asked for."""

    rows: list[R]
    next_cursor: str | None
    count: int | None = None


def listed(
    session: Session,
    found: Select[R],
    key: InstrumentedAttribute[Any],
    query: PageQuery,
    *,
    oldest_first: bool = False,
    sorts: Mapping[str, InstrumentedAttribute[Any]] | None = None,
) -> Listed[R]:
    """The page of `found` that `query` asks for, in the order of `key` unless it names another.

    `sorts` are further columns to sort by, each unique, without nulls and with an index of its own. Raises Invalid for
    any other, and for a cursor that was not given out by this list in this order.
    """
    if query.sort is not None:
        key, oldest_first = _order(query.sort, {AS_MADE: key, **(sorts or {})})
    count = counted(session, found) if query.count else None
    rows, cursor = page(session, found, key, limit=query.limit, cursor=query.cursor, oldest_first=oldest_first)
    return Listed(rows, cursor, count)


def counted(session: Session, found: Select[Any]) -> int:
    """How many rows there are, or MOST_COUNTED where there are at least as many."""
    some = found.order_by(None).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _order(sort: str, known: Mapping[str, InstrumentedAttribute[Any]]) -> tuple[InstrumentedAttribute[Any], bool]:
    """The column that `sort` names, and whether it ascends."""
    name = sort.removeprefix("-")
    if name not in known:
        raise Invalid.field("sort", f"this list can be sorted by {', '.join(known)}, or -{AS_MADE} for descending")
    return known[name], name == sort


def page(
    session: Session,
    query: Select[R],
    key: InstrumentedAttribute[Any],
    *,
    limit: int,
    cursor: str | None,
    oldest_first: bool = False,
) -> tuple[list[R], str | None]:
    """Rows of one page in the order of `key`, with the cursor of the next page or None.

    Raises Invalid for a cursor that no page of this list gave out.
    """
    if cursor is not None:
        position = decode(cursor, key)
        query = query.where(key > position if oldest_first else key < position)
    query = query.order_by(key.asc() if oldest_first else key.desc()).limit(limit + 1)
    rows = list(session.scalars(query))
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, encode(getattr(rows[-1], key.key), key)


def encode(position: uuid.UUID | int | str, key: InstrumentedAttribute[Any]) -> str:
    """The cursor that stands for a position in a list in the order of `key`."""
    return base64.urlsafe_b64encode(f"{_mark(key)}{position}".encode()).decode().rstrip("=")


def decode(cursor: str, key: InstrumentedAttribute[Any]) -> Any:
    """The position that a cursor stands for. Raises Invalid for one that no page of this list gave out."""
    wanted = key.type.python_type
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        if not plain.startswith(_mark(key)):
            raise _bad_cursor()
        plain = plain.removeprefix(_mark(key))
        position: uuid.UUID | int | str = wanted(plain)
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error
    if isinstance(position, int) and not -(2**63) <= position < 2**63:
        raise _bad_cursor()
    if isinstance(position, str) and "\x00" in position:
        raise _bad_cursor()
    return position


def _mark(key: InstrumentedAttribute[Any]) -> str:
    """What ties a cursor to its list and order."""
    return f"{key.class_.__tablename__}.{key.key}:"


def _bad_cursor() -> Invalid:
    return Invalid.field("cursor", "use the next_cursor of the page before, unchanged")
