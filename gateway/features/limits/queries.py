"""Every select on spend limits, usage and reservations, and the two updates that must not be read before."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, column, delete, exists, func, null, or_, select, table, text, tuple_
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import SpendLimit, SpendReservation, UsageWindow

# Rooms above this one, or whose doors are closed: only to see whether a run goes on, whom a subject binds,
# and who is paid.
_RUNS = table("runs", column("id", UUID(as_uuid=True)), column("status"))
_USERS = table("users", column("id", UUID(as_uuid=True)), column("handle"), column("display_name"))
_PROVIDERS = table("providers", column("name"), column("credential_id", UUID(as_uuid=True)))
_TOKENS = table("api_tokens", column("id", UUID(as_uuid=True)), column("user_id", UUID(as_uuid=True)), column("name"))

_ARE_ANY = text("SELECT EXISTS (SELECT FROM spend_limits)")

RESERVE = text("""
    UPDATE usage_windows AS w
       SET reserved_requests = w.reserved_requests + 1, reserved_tokens = w.reserved_tokens + :tokens,
           reserved_cost_micros = w.reserved_cost_micros + :cost
      FROM spend_limits AS l
     WHERE l.id = w.limit_id AND w.limit_id = :limit_id AND w.starts_at = :starts_at
       AND (l.max_requests IS NULL OR w.used_requests + w.reserved_requests + 1 <= l.max_requests)
       AND (l.max_tokens IS NULL OR w.used_tokens + w.reserved_tokens + :tokens <= l.max_tokens)
       AND (l.max_cost_micros IS NULL OR w.used_cost_micros + w.reserved_cost_micros + :cost <= l.max_cost_micros)
""")
"""Takes the amount or nothing: the row's lock makes callers take turns, so that no two see the same remainder."""

SETTLE = text("""
    UPDATE usage_windows
       SET reserved_requests = reserved_requests - :held, reserved_tokens = reserved_tokens - :held_tokens,
           reserved_cost_micros = reserved_cost_micros - :held_cost, used_requests = used_requests + :requests,
           used_tokens = used_tokens + :tokens, used_cost_micros = used_cost_micros + :cost
     WHERE limit_id = :limit_id AND starts_at = :starts_at
""")


def visible(actor: Actor) -> Select[SpendLimit]:
    """The limits the actor may see."""
    condition = seen_by(actor, "spend_limits.read", owner=SpendLimit.owner_id, key=SpendLimit.id)
    return select(SpendLimit).where(condition)


def count_of_provider(session: Session, provider: str) -> int:
    """How many limits bind what a provider is paid."""
    named = (SpendLimit.subject_type == "provider", SpendLimit.subject_id == provider)
    return session.scalar(select(func.count()).select_from(SpendLimit).where(*named)) or 0


def filtered(
    actor: Actor, *, subject_type: str | None, subject_id: str | None, window: str | None
) -> Select[SpendLimit]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if subject_type is not None:
        query = query.where(SpendLimit.subject_type == subject_type)
    if subject_id is not None:
        query = query.where(SpendLimit.subject_id == subject_id)
    return query.where(SpendLimit.window == window) if window is not None else query


def one(session: Session, actor: Actor, limit_id: uuid.UUID, *, lock: bool = False) -> SpendLimit | None:
    """A limit the actor may see."""
    query = visible(actor).where(SpendLimit.id == limit_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def same(session: Session, subject_type: str, subject_id: str | None, window: str) -> bool:
    """Whether that subject has a limit for that window already."""
    subject = SpendLimit.subject_id.is_not_distinct_from(subject_id)
    query = select(SpendLimit.id).where(SpendLimit.subject_type == subject_type, subject, SpendLimit.window == window)
    return session.scalar(query) is not None


def binding(session: Session, subjects: Sequence[tuple[str, str]]) -> list[SpendLimit]:
    """The limits of these (type, id), and those of the whole system, always in the same order."""
    pairs = tuple_(SpendLimit.subject_type, SpendLimit.subject_id).in_(subjects)
    query = select(SpendLimit).where(or_(pairs, SpendLimit.subject_type == "system")).order_by(SpendLimit.id)
    return list(session.scalars(query))


def are_any(session: Session) -> bool:
    """Whether there is any limit."""
    return bool(session.execute(_ARE_ANY).scalar())


def newest(session: Session, most: int) -> list[SpendLimit]:
    """The newest limits, whoever may see them."""
    return list(session.scalars(select(SpendLimit).order_by(SpendLimit.id.desc()).limit(most)))


def usage(session: Session, windows: Sequence[tuple[uuid.UUID, datetime]]) -> dict[uuid.UUID, UsageWindow]:
    """What is used and reserved in these windows, by limit."""
    query = select(UsageWindow).where(tuple_(UsageWindow.limit_id, UsageWindow.starts_at).in_(windows))
    return {row.limit_id: row for row in session.scalars(query)} if windows else {}


def left_behind(session: Session, batch: int) -> list[SpendReservation]:
    """Reservations whose time is over or whose run goes on no longer, locked; what another one locks is skipped."""
    goes_on = exists().where(_RUNS.c.id == SpendReservation.run_id, _RUNS.c.status == "running")
    is_over = SpendReservation.run_id.is_not(None) & ~goes_on
    query = select(SpendReservation).where(or_(SpendReservation.expires_at < func.now(), is_over))
    return list(session.scalars(query.order_by(SpendReservation.id).limit(batch).with_for_update(skip_locked=True)))


def drop_windows(session: Session, before: datetime, batch: int) -> int:
    """Deletes up to `batch` windows that began before that; returns how many."""
    old = select(UsageWindow.limit_id, UsageWindow.starts_at).where(UsageWindow.starts_at < before).limit(batch)
    key = tuple_(UsageWindow.limit_id, UsageWindow.starts_at)
    gone: Any = session.execute(delete(UsageWindow).where(key.in_(old)).execution_options(synchronize_session=False))
    return int(gone.rowcount)


def owner_of_token(session: Session, token_id: uuid.UUID) -> uuid.UUID | None:
    """Whose API token that is."""
    return session.scalar(select(_TOKENS.c.user_id).where(_TOKENS.c.id == token_id))


def has_user(session: Session, user_id: uuid.UUID) -> bool:
    """Whether there is such a user."""
    return session.scalar(select(_USERS.c.id).where(_USERS.c.id == user_id)) is not None


def subject_names(session: Session, actor: Actor, subjects: Collection[uuid.UUID]) -> dict[str, tuple[str, str | None]]:
    """Name and, of a user, display name of those of the users and of their own tokens that the actor may see, by id."""
    if not subjects:
        return {}
    of_user = select(_USERS.c.id, _USERS.c.handle, _USERS.c.display_name).where(
        _USERS.c.id.in_(subjects), seen_by(actor, "users.read", owner=_USERS.c.id, key=_USERS.c.id)
    )
    of_token = select(_TOKENS.c.id, _TOKENS.c.name, null()).where(
        _TOKENS.c.id.in_(subjects), _TOKENS.c.user_id == actor.user_id
    )
    return {
        str(key): (name, display_name)
        for found in (of_user, of_token)
        for key, name, display_name in session.execute(found)
    }


def wants_key(session: Session, provider: str) -> bool:
    """Whether the provider of that name is asked with a credential."""
    held = select(_PROVIDERS.c.name).where(_PROVIDERS.c.name == provider, _PROVIDERS.c.credential_id.is_not(None))
    return bool(session.scalar(select(exists(held))))
