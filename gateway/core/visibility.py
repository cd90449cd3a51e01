"""What lists and reads show: the policy as a condition of SQL."""

from typing import Any

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from .identity import Actor
from .policy import sees_all

Column = InstrumentedAttribute[Any]


def seen_by(
    actor: Actor, action: str, *, owner: Column | None, project: Column | None = None, key: Column | None = None
) -> ColumnElement[bool]:
    """The rows on which the actor may do `action` (a `….read`).

    `owner`, `project` and `key` are the table's columns with the owner's id, the project's id and its own id;
    None for a table whose rows have no such thing.
    """
    if sees_all(actor) or owner is None:
        return true()
    return owner == actor.user_id
