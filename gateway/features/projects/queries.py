"""Every select on projects."""

import uuid

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.policy import sees_all

from .models import Project

_DEFAULT = select(Project).where(Project.owner_id == bindparam("user_id"), Project.is_default)


def visible(actor: Actor) -> Select[Project]:
    """The projects the actor may see."""
    query = select(Project)
    return query if sees_all(actor) else query.where(Project.owner_id == actor.user_id)


def one(session: Session, actor: Actor, project_id: uuid.UUID) -> Project | None:
    """A project the actor may see."""
    return session.scalar(visible(actor).where(Project.id == project_id))


def default_of(session: Session, user_id: uuid.UUID) -> Project | None:
    """The user's default project."""
    return session.scalar(_DEFAULT, {"user_id": user_id})
