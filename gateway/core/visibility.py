"""What lists and reads show: the policy as a condition of SQL."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from .identity import Actor
from .policy import Clause, reach
from .resources import as_id

Column = InstrumentedAttribute[Any] | ColumnElement[Any]
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
    kind: str | None = None,
) -> ColumnElement[bool]:
    """The rows on which the actor may do `action` (a `….read`).

    `owner`, `project` and `key` are the table's columns with the owner's id, the project's id and its own id, or what
    finds rows by the keys that rules give; None for a table whose rows have no such thing. A table without owners is
    everyone's who has the action. `besides` are rows that are as the actor's own, whoever owns them. `kind` is what
    rules call the rows, where that is not the action's room.
    """
    within = reach(actor, action, kind or action.split(".")[0])
    named = _by_id(key) if isinstance(key, InstrumentedAttribute | ColumnElement) else key
    # Things without owners are everybody's to whom a role gives their own, and nobody's own to a rule that denies.
    mine = partial(_owned, actor, owner, true())
    others = partial(_owned, actor, owner, false())
    taken_in = or_(false(), *(_condition(clause, mine, project, named) for clause in within.taken_in))
    if besides is not None:
        taken_in = or_(taken_in, besides)
    taken_out = [_condition(clause, others, project, named) for clause in within.taken_out]
    # A row without an owner or project is not among what a rule about owners or projects takes out.
    return and_(taken_in, *(not_(func.coalesce(condition, false())) for condition in taken_out))


def _condition(
    clause: Clause, owned: Callable[[bool], ColumnElement[bool]], project: Column | None, named: Named | None
) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if clause.own is not None:
        conditions.append(owned(clause.own))
    if clause.projects is not None:
        conditions.append(project.in_(sorted(clause.projects)) if project is not None else false())
    if clause.keys is not None:
        conditions.append(named(clause.keys) if named is not None else false())
    return and_(true(), *conditions)


def _owned(actor: Actor, owner: Column | None, unowned: ColumnElement[bool], own: bool) -> ColumnElement[bool]:
    if owner is None:
        return unowned if own else true()
    return owner == actor.user_id if own else owner.is_distinct_from(actor.user_id)


def _by_id(key: Column) -> Named:
    return lambda keys: key.in_([wanted for each in sorted(keys) if (wanted := as_id(each)) is not None])
