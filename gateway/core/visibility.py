"""What lists and reads show: the policy as a condition of SQL."""

import uuid
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from .identity import Actor
from .policy import Clause, reach

Column = InstrumentedAttribute[Any]


def seen_by(
    actor: Actor, action: str, *, owner: Column | None, project: Column | None = None, key: Column | None = None
) -> ColumnElement[bool]:
    """The rows on which the actor may do `action` (a `….read`).

    `owner`, `project` and `key` are the table's columns with the owner's id, the project's id and its own id;
    None for a table whose rows have no such thing. A table without owners is everyone's who has the action.
    """
    within = reach(actor, action, action.split(".")[0])
    taken_in = or_(false(), *(_condition(clause, actor, owner, project, key) for clause in within.taken_in))
    taken_out = [_condition(clause, actor, owner, project, key) for clause in within.taken_out]
    # A row without an owner or project is not among what a rule about owners or projects takes out.
    return and_(taken_in, *(not_(func.coalesce(condition, false())) for condition in taken_out))


def _condition(
    clause: Clause, actor: Actor, owner: Column | None, project: Column | None, key: Column | None
) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if clause.own is not None:
        conditions.append(_owned(actor, clause.own, owner))
    if clause.projects is not None:
        conditions.append(project.in_(sorted(clause.projects)) if project is not None else false())
    if clause.keys is not None:
        conditions.append(key.in_(_ids(clause.keys)) if key is not None else false())
    return and_(true(), *conditions)


def _owned(actor: Actor, own: bool, owner: Column | None) -> ColumnElement[bool]:
    if owner is None:
        return true() if own else false()
    return owner == actor.user_id if own else owner.is_distinct_from(actor.user_id)


def _ids(keys: frozenset[str]) -> list[uuid.UUID]:
    """Those that can be ids of rows."""
    found = []
    for key in sorted(keys):
        with suppress(ValueError):
            found.append(uuid.UUID(key))
    return found
