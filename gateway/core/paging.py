"""Keyset pages over one unique, ordered column, or one that rows share: page 10,000 costs what page 1 costs."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from .database import PLANNED_ANEW
from .errors import Invalid
from .schemas import PageQuery

R = TypeVar("R")

MOST_COUNTED = 10_000
"""Where counting ends: no count looks at more rows than that."""

AS_MADE = "created_at"
"""What every list can be sorted by: the order of its keys, which is that in which things were made."""

_UUID_CHARS = 36
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Tied:
    """An order by what several rows may have alike: those in the order of their keys.

    `by` is an attribute without nulls, whose index goes on with the key; text or an interval.
    """

    by: Any


Sorts = Mapping[str, InstrumentedAttribute[Any] | Tied]


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
    sorts: Sorts | None = None,
) -> Listed[R]:
    """The page of `found` that `query` asks for, in the order of `key` unless it names another.

    `sorts` are further columns to sort by, each without nulls, with an index of its own, and unique or `Tied`. Raises
    Invalid for any other, and for a cursor that was not given out by this list in this order.
    """
    order: InstrumentedAttribute[Any] | Tied = key
    if query.sort is not None:
        order, oldest_first = _order(query.sort, {AS_MADE: key, **(sorts or {})})
    count = counted(session, found) if query.count else None
    if isinstance(order, Tied):
        rows, cursor = _tied_page(session, found, order, key, query, oldest_first)
    else:
        rows, cursor = page(session, found, order, limit=query.limit, cursor=query.cursor, oldest_first=oldest_first)
    return Listed(rows, cursor, count)


def counted(session: Session, found: Select[Any]) -> int:
    """How many rows there are, or MOST_COUNTED where there are at least as many."""
    some = found.order_by(None).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some), execution_options=PLANNED_ANEW) or 0


def _order(sort: str, known: Sorts) -> tuple[InstrumentedAttribute[Any] | Tied, bool]:
    """The order that `sort` names, and whether it ascends."""
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
    rows = list(session.scalars(query, execution_options=PLANNED_ANEW))
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, encode(getattr(rows[-1], key.key), key)


def tied(
    found: Select[R], order: Tied, key: InstrumentedAttribute[Any], *, cursor: str | None, ascends: bool
) -> Select[R]:
    """What comes in an order with ties, from a cursor on: one range of its index, which goes on with the key."""
    both = (order.by, key)
    if cursor is not None:
        plain = _unpacked(cursor, _tied_mark(order, key))
        last = (_parsed(plain[_UUID_CHARS:], order.by.type.python_type), _parsed(plain[:_UUID_CHARS], uuid.UUID))
        place = tuple_(*(literal(value, column.type) for value, column in zip(last, both, strict=True)))
        found = found.where(tuple_(*both) > place if ascends else tuple_(*both) < place)
    return found.order_by(*(column.asc() if ascends else column.desc() for column in both))


def tied_cursor(row: Any, order: Tied, key: InstrumentedAttribute[Any]) -> str:
    """The cursor of what comes after the row: where it stands, and by its key, a UUID, where among its equals."""
    value = getattr(row, order.by.key)
    text = str(value // _MICROSECOND) if isinstance(value, timedelta) else value
    return _packed(f"{getattr(row, key.key)}{text}", _tied_mark(order, key))


def _tied_page(
    session: Session, found: Select[R], order: Tied, key: InstrumentedAttribute[Any], query: PageQuery, ascends: bool
) -> tuple[list[R], str | None]:
    ordered = tied(found, order, key, cursor=query.cursor, ascends=ascends)
    rows = list(session.scalars(ordered.limit(query.limit + 1), execution_options=PLANNED_ANEW))
    if len(rows) <= query.limit:
        return rows, None
    rows = rows[: query.limit]
    return rows, tied_cursor(rows[-1], order, key)


def encode(position: uuid.UUID | int | str, key: InstrumentedAttribute[Any]) -> str:
    """The cursor that stands for a position in a list in the order of `key`."""
    return _packed(str(position), _mark(key))


def decode(cursor: str, key: InstrumentedAttribute[Any]) -> Any:
    """The position that a cursor stands for. Raises Invalid for one that no page of this list gave out."""
    return _parsed(_unpacked(cursor, _mark(key)), key.type.python_type)


def _packed(position: str, mark: str) -> str:
    return base64.urlsafe_b64encode(f"{mark}{position}".encode()).decode().rstrip("=")


def _unpacked(cursor: str, mark: str) -> str:
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error
    if not plain.startswith(mark):
        raise _bad_cursor()
    return plain.removeprefix(mark)


def _parsed(plain: str, wanted: type[Any]) -> Any:
    """The value as it is in the database."""
    try:
        position = timedelta(microseconds=int(plain)) if wanted is timedelta else wanted(plain)
    except (ValueError, OverflowError) as error:
        raise _bad_cursor() from error
    if isinstance(position, int) and not -(2**63) <= position < 2**63:
        raise _bad_cursor()
    if isinstance(position, str) and "\x00" in position:
        raise _bad_cursor()
    return position


def _mark(key: InstrumentedAttribute[Any]) -> str:
    """What ties a cursor to its list and order."""
    return f"{key.class_.__tablename__}.{key.key}:"


def _tied_mark(order: Tied, key: InstrumentedAttribute[Any]) -> str:
    return f"{_mark(key)}{order.by.key}:"


def _bad_cursor() -> Invalid:
    return Invalid.field("cursor", "use the next_cursor of the page before, unchanged")
