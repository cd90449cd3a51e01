"""Wall time and identifiers that carry it: UTC datetimes and UUIDv7 (RFC 9562)."""

import uuid
from datetime import UTC, datetime

from uuid_utils import compat


def now() -> datetime:
    """The current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: unique, and ordered by creation time."""
    return compat.uuid7()


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of `moment`'s millisecond, so that times filter through the primary key.

    Raises ValueError for moments outside UUIDv7's 48-bit millisecond range.
    """
    milliseconds = int(moment.timestamp() * 1000)
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("the time is outside the range 1970 to 10889")
    return uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))
