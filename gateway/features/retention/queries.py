"""Every select on policies, and on things as far as rules are about them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, false, func, or_, select, text, update
from sqlalchemy.orm import Session

from gateway.core.clock import first_id_at
from gateway.core.identity import Actor
from gateway.core.purging import Purgeable
from gateway.core.visibility import seen_by

from .models import RetentionPolicy
from .rules import Rule

GRACE = timedelta(hours=1)
"""What is younger is kept, whatever a rule says: somebody may be about to look at it."""

OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
"""No thing is older: what UUIDv7 counts from."""

_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")


@dataclass(frozen=True, slots=True)
class Aim:
    """What a rule takes at one moment: what rests since before `cutoff`, and up to `last` whatever is over `grace`.

    None: nothing by that.
    """

    cutoff: datetime | None
    last: uuid.UUID | None
    grace: datetime

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all would go."""
        return self.cutoff is None and self.last is None


def visible(actor: Actor) -> Select[RetentionPolicy]:
    """The policies the actor may see."""
    return select(RetentionPolicy).where(
        seen_by(
            actor, "retention_policies.read", owner=RetentionPolicy.owner_id, project=RetentionPolicy.scope_id,
            key=RetentionPolicy.id,
        )
    )  # fmt: skip


def filtered(
    actor: Actor, *, scope_type: str | None, scope_id: uuid.UUID | None, sort: str | None
) -> Select[RetentionPolicy]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if scope_type is not None:
        query = query.where(RetentionPolicy.scope_type == scope_type)
    if scope_id is not None:
        query = query.where(RetentionPolicy.scope_id == scope_id)
    return query.where(RetentionPolicy.sort == sort) if sort is not None else query


def one(session: Session, actor: Actor, policy_id: uuid.UUID, *, lock: bool = False) -> RetentionPolicy | None:
    """A policy the actor may see."""
    query = visible(actor).where(RetentionPolicy.id == policy_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def same(session: Session, sort: str, scope_id: uuid.UUID | None) -> bool:
    """Whether there is a policy of that sort in that place."""
    place = RetentionPolicy.scope_id.is_not_distinct_from(scope_id)
    return session.scalar(select(RetentionPolicy.id).where(RetentionPolicy.sort == sort, place)) is not None


def enabled(session: Session, sort: str) -> Sequence[RetentionPolicy]:
    """The policies of a sort that are carried out, in whatever place."""
    query = select(RetentionPolicy).where(RetentionPolicy.sort == sort, RetentionPolicy.enabled)
    return session.scalars(query.order_by(RetentionPolicy.id)).all()


def add_up(session: Session, policy_id: uuid.UUID, count: int, size: int, moment: datetime) -> None:
    """Adds to what a policy has purged; that is no change of the policy."""
    session.execute(
        update(RetentionPolicy)
        .where(RetentionPolicy.id == policy_id)
        .values(
            purged_count=RetentionPolicy.purged_count + count, purged_bytes=RetentionPolicy.purged_bytes + size,
            purged_at=moment, updated_at=RetentionPolicy.updated_at,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def take_turn(session: Session, sort: str) -> bool:
    """Whether nobody else purges this sort at the moment; holds until the transaction ends."""
    return bool(session.execute(_TURN, {"key": f"retention:{sort}"}).scalar())


def aim(session: Session, purgeable: Purgeable, rule: Rule, moment: datetime) -> Aim:
    """What the rule takes at that moment."""
    rows, column = _covered(purgeable, rule)
    lasts: list[uuid.UUID] = []
    if rule.max_count is not None:
        over = rows.with_only_columns(column["id"]).order_by(column["id"].desc()).offset(rule.max_count).limit(1)
        lasts += session.scalars(over)
    if rule.max_bytes is not None:
        sums = _running_sums(rows).subquery()
        lasts += session.scalars(
            select(sums.c.id).where(sums.c.running > rule.max_bytes).order_by(sums.c.id.desc()).limit(1)
        )
    cutoff = None if rule.max_age_days is None else max(OLDEST, moment - timedelta(days=rule.max_age_days))
    return Aim(cutoff, max(lasts, default=None), moment - GRACE)


def amount(session: Session, purgeable: Purgeable, rule: Rule, wanted: Aim | None = None) -> Row[Any]:
    """Count, bytes, oldest and newest time of what the rule is about, or of what it takes of that."""
    rows = _aimed(purgeable, rule, wanted) if wanted else _covered(purgeable, rule)[0]
    found = rows.subquery()
    query = select(
        func.count(), func.coalesce(func.sum(found.c.bytes), 0), func.min(found.c.time), func.max(found.c.time)
    )
    return session.execute(query.select_from(found)).one()


def batch(
    session: Session, purgeable: Purgeable, rule: Rule, wanted: Aim, after: uuid.UUID | None, most: int
) -> Sequence[Row[Any]]:
    """The oldest that go, after that one, locked; what somebody else holds is left for the next time."""
    rows = _aimed(purgeable, rule, wanted)
    key = rows.selected_columns["id"]
    if after is not None:
        rows = rows.where(key > after)
    locked = rows.order_by(key).limit(most).with_for_update(skip_locked=True, of=key.table)
    return session.execute(locked).all()


def oldest(session: Session, purgeable: Purgeable, rule: Rule, wanted: Aim, most: int) -> Sequence[Row[Any]]:
    """The oldest that would go."""
    rows = _aimed(purgeable, rule, wanted)
    return session.execute(rows.order_by(rows.selected_columns["id"]).limit(most)).all()


def _covered(purgeable: Purgeable, rule: Rule) -> tuple[Select[Any], Any]:
    rows = purgeable.rows()
    column = rows.selected_columns
    if rule.project_id is not None:
        return rows.where(column["project_id"] == rule.project_id), column
    if rule.elsewhere:
        is_free = or_(column["project_id"].is_(None), column["project_id"].not_in(sorted(rule.elsewhere)))
        return rows.where(is_free), column
    return rows, column


def _aimed(purgeable: Purgeable, rule: Rule, wanted: Aim) -> Select[Any]:
    rows, column = _covered(purgeable, rule)
    key, time = column["id"], column["time"]
    parts: list[ColumnElement[bool]] = []
    tops: list[uuid.UUID] = []
    if wanted.cutoff is not None:
        tops.append(first_id_at(wanted.cutoff))
        parts.append(and_(key < tops[-1], time < wanted.cutoff))
    if wanted.last is not None:
        tops.append(min(wanted.last, first_id_at(wanted.grace)))
        parts.append(and_(key <= tops[-1], time < wanted.grace))
    # The first condition alone lets the index find them: nothing rests since before it was made.
    return rows.where(key <= max(tops), or_(*parts)) if parts else rows.where(false())


def _running_sums(rows: Select[Any]) -> Select[Any]:
    found: Subquery = rows.subquery()
    return select(found.c.id, func.sum(found.c.bytes).over(order_by=found.c.id.desc()).label("running"))
