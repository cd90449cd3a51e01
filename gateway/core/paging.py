"""Keyset pages over one unique, ordered column: page 10,000 costs what page 1 costs."""

import base64
import binascii
import uuid
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from .errors import Invalid

R = TypeVar("R")


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


def encode(position: uuid.UUID | int, key: InstrumentedAttribute[Any]) -> str:
    """The cursor that stands for a position in a list in the order of `key`."""
    return base64.urlsafe_b64encode(f"{_mark(key)}{position}".encode()).decode().rstrip("=")


def decode(cursor: str, key: InstrumentedAttribute[Any]) -> Any:
    """The position that a cursor stands for. Raises Invalid for one that no page of this list gave out."""
    wanted = key.type.python_type
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        if not plain.startswith(_mark(key)):
            raise _bad_cursor()
        plain = plain.removeprefix(_mark(key))
        position: uuid.UUID | int = uuid.UUID(plain) if wanted is uuid.UUID else int(plain)
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error
    if isinstance(position, int) and not -(2**63) <= position < 2**63:
        raise _bad_cursor()
    return position


def _mark(key: InstrumentedAttribute[Any]) -> str:
    """What ties a cursor to its list."""
    return f"{key.class_.__tablename__}:"


def _bad_cursor() -> Invalid:
    return Invalid.field("cursor", "use the next_cursor of the page before, unchanged")
