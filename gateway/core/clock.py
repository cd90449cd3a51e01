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


def id_at(moment: datetime) -> uuid.UUID:
    """A fresh UUIDv7 as one made at `moment` would be. Raises ValueError as `first_id_at` does."""
    random = uuid.uuid4().int & ~(0xFFFF_FFFF_FFFF << 80) & ~(0xF << 76)
    return uuid.UUID(int=(_milliseconds(moment) << 80) | (0x7 << 76) | random)


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of `moment`'s millisecond, so that times filter through the primary key.

    Raises ValueError for moments outside UUIDv7's 48-bit millisecond range.
    """
    return uuid.UUID(int=(_milliseconds(moment) << 80) | (0x7 << 76) | (0x2 << 62))


def last_id_at(moment: datetime) -> uuid.UUID:
    """The largest UUIDv7 of `moment`'s millisecond. Raises ValueError as `first_id_at` does."""
    return uuid.UUID(int=(_milliseconds(moment) << 80) | (0x7FFF << 64) | (0xBFFF << 48) | (1 << 48) - 1)


def _milliseconds(moment: datetime) -> int:
    milliseconds = int(moment.timestamp() * 1000)
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("the time is outside the range 1970 to 10889")
    return milliseconds
