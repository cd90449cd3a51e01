"""Every select on providers."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Provider
from .schemas import ProviderQuery


def visible(actor: Actor) -> Select[Provider]:
    """The providers the actor may see; they belong to nobody."""
    return select(Provider).where(seen_by(actor, "providers.read", owner=None, key=Provider.id))


def filtered(actor: Actor, query: ProviderQuery) -> Select[Provider]:
    """A list of them."""
    found = visible(actor)
    if query.kind is not None:
        found = found.where(Provider.kind == query.kind)
    if query.enabled is not None:
        found = found.where(Provider.enabled.is_(query.enabled))
    if query.q is not None:
        found = found.where(Provider.name.icontains(query.q, autoescape=True))
    return found


def one(session: Session, actor: Actor, provider_id: uuid.UUID, *, lock: bool = False) -> Provider | None:
    """A provider the actor may see; `lock`ed to be changed."""
    query = visible(actor).where(Provider.id == provider_id)
    return session.scalar(query.with_for_update() if lock else query)


def by_name(session: Session, name: str) -> Provider | None:
    """The provider of that name, for whoever decides about it."""
    return session.scalar(select(Provider).where(Provider.name == name))


def everything(session: Session) -> Sequence[Provider]:
    """All providers, for nodes."""
    return session.scalars(select(Provider).order_by(Provider.name)).all()


def last_test(session: Session, provider_id: uuid.UUID) -> dict[str, Any] | None:
    """What the last test of a provider found, as it is now."""
    return session.scalar(select(Provider.last_test).where(Provider.id == provider_id))
