"""What lists and reads show: the policy as a condition of SQL."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from .identity import Actor
from .policy import Clause, reach
from .resources import as_id

Column = InstrumentedAttribute[Any]
Named = Callable[[frozenset[str]], ColumnElement[bool]]
"""The rows that rules name by some of these keys: `tasks/ID` by ID."""


def seen_by(
    actor: Actor,
    action: str,
    *,
    owner: Column | None,
    project: Column | None = None,
    key: Column | Named | None = None,
    besides: ColumnElement[bool] | None = None,
) -> ColumnElement[bool]:
    """The rows on which the actor may do `action` (a `….read`).

    `owner`, `project` and `key` are the table's columns with the owner's id, the project's id and its own id, or what
    finds rows by the keys that rules give; None for a table whose rows have no such thing. A table without owners is
    everyone's who has the action. `besides` are rows that are as the actor's own, whoever owns them.
    """
    within = reach(actor, action, action.split(".")[0])
    named = key if key is None or not isinstance(key, InstrumentedAttribute) else _by_id(key)
    taken_in = or_(false(), *(_condition(clause, actor, owner, project, named) for clause in within.taken_in))
    if besides is not None:
        taken_in = or_(taken_in, besides)
    taken_out = [_condition(clause, actor, owner, project, named) for clause in within.taken_out]
    # A row without an owner or project is not among what a rule about owners or projects takes out.
    return and_(taken_in, *(not_(func.coalesce(condition, false())) for condition in taken_out))


def _condition(
    clause: Clause, actor: Actor, owner: Column | None, project: Column | None, named: Named | None
) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if clause.own is not None:
        conditions.append(_owned(actor, clause.own, owner))
    if clause.projects is not None:
        conditions.append(project.in_(sorted(clause.projects)) if project is not None else false())
    if clause.keys is not None:
        conditions.append(named(clause.keys) if named is not None else false())
    return and_(true(), *conditions)


def _owned(actor: Actor, own: bool, owner: Column | None) -> ColumnElement[bool]:
    if owner is None:
        return true() if own else false()
    return owner == actor.user_id if own else owner.is_distinct_from(actor.user_id)


def _by_id(key: Column) -> Named:
    return lambda keys: key.in_([wanted for each in sorted(keys) if (wanted := as_id(each)) is not None])
