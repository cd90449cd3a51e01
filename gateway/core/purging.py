"""What can be purged. Each room publishes its sorts in `purges.py`; the room of retention decides what goes when."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from .unit_of_work import Work


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone. `more`: the rest of what was asked for is too much for one transaction, so ask for it again."""

    ids: Sequence[uuid.UUID]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Purgeable:
    """One sort of things that age, for policies.

    `rows` selects all that may ever go, never what is still at work, in five columns: `id` (a UUIDv7 with an index,
    which is also the order of age), `time` (since when it rests; not before its id), `bytes`, `owner_id` and
    `project_id`. `remove` deletes some of them and whatever hangs on them, in the caller's transaction; it asks nobody
    and tells nobody, but does not hold locks for long: `batch` is how many it is given at once.
    """

    sort: str
    title: str
    rows: Callable[[], Select[Any]]
    remove: Callable[[Work, Sequence[uuid.UUID]], Removed]
    kind: str | None = None
    """The word of its path, such as `tasks`, where a purged one is to be remembered: reading it answers 410."""

    batch: int = 500
