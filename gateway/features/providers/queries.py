"""Every select on providers."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Provider


def visible(actor: Actor) -> Select[Provider]:
    """The providers the actor may see; they belong to nobody."""
    return select(Provider).where(seen_by(actor, "providers.read", owner=None, key=Provider.id))


def one(session: Session, actor: Actor, provider_id: uuid.UUID, *, lock: bool = False) -> Provider | None:
    """A provider the actor may see; `lock`ed to be changed."""
    query = visible(actor).where(Provider.id == provider_id)
    return session.scalar(query.with_for_update() if lock else query)


def by_name(session: Session, name: str) -> Provider | None:
    """The provider of that name."""
    return session.scalar(select(Provider).where(Provider.name == name))


def enabled(session: Session) -> Sequence[Provider]:
    """The providers that models may be asked of."""
    return session.scalars(select(Provider).where(Provider.enabled).order_by(Provider.name)).all()


def last_change(session: Session) -> tuple[Any, ...]:
    """Something that differs after any provider was added, changed or deleted."""
    stamp = select(func.count(), func.max(Provider.updated_at), func.sum(Provider.version))
    return tuple(session.execute(stamp).one())


def last_test(session: Session, provider_id: uuid.UUID) -> dict[str, Any] | None:
    """What the last test of a provider found."""
    return session.scalar(select(Provider.last_test).where(Provider.id == provider_id))
