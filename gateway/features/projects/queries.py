"""Every select on projects, and on what refers to one."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select, text
from sqlalchemy.orm import Session

from gateway.core import references as core_references
from gateway.core.database import Base
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Project

_DEFAULT = select(Project).where(Project.owner_id == bindparam("user_id"), Project.is_default)
_DEFAULT_PLACE = FixedQuery(_DEFAULT.with_only_columns(Project.id, Project.owner_id, Project.is_active))


def visible(actor: Actor) -> Select[Project]:
    """The projects the actor may see."""
    return select(Project).where(
        seen_by(actor, "projects.read", owner=Project.owner_id, project=Project.id, key=Project.id)
    )


def filtered(actor: Actor, *, is_active: bool | None, q: str | None) -> Select[Project]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if is_active is not None:
        query = query.where(Project.is_active == is_active)
    if q is not None:
        query = query.where(Project.search.op("@@")(func.websearch_to_tsquery("simple", q)))
    return query


def one(session: Session, actor: Actor, project_id: uuid.UUID, *, lock: bool = False) -> Project | None:
    """A project the actor may see."""
    query = visible(actor).where(Project.id == project_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def named(session: Session, actor: Actor, name: str) -> Project | None:
    """The project of that id or slug that the actor may see, one of their own first."""
    try:
        is_it: ColumnElement[bool] = Project.id == uuid.UUID(name)
    except ValueError:
        is_it = Project.slug == name
    own_first = (Project.owner_id == actor.user_id).desc()
    return session.scalar(visible(actor).where(is_it, Project.is_active).order_by(own_first, Project.id).limit(1))


def by_id(session: Session, project_id: uuid.UUID) -> Project | None:
    """A project, whoever may see it: for who decides about the right itself."""
    return session.get(Project, project_id)


_OWNER = FixedQuery(select(Project.owner_id).where(Project.id == bindparam("project_id")))


def owner(session: Session, project_id: uuid.UUID) -> Callable[[], uuid.UUID | None]:
    """Asks whose a project is, whoever may see it."""
    answer = _OWNER.ask(session, project_id=project_id)
    return lambda: next((row.owner_id for row in answer.rows()), None)


def retentions(session: Session) -> dict[uuid.UUID, dict[str, Any]]:
    """What projects say of how long their things are kept, as far as they say anything."""
    query = select(Project.id, Project.retention).where(Project.retention != text("'{}'::jsonb")).order_by(Project.id)
    return {row.id: row.retention for row in session.execute(query)}


def default_of(session: Session, user_id: uuid.UUID) -> Any:
    """The user's default project: id, owner_id and is_active; None before its first need."""
    return _DEFAULT_PLACE.first(session, user_id=user_id)


def default_places() -> Select[uuid.UUID, uuid.UUID, bool]:
    """All default projects: id, owner_id, is_active."""
    return select(Project.id, Project.owner_id, Project.is_active).where(Project.is_default)


def default_for_change(session: Session, user_id: uuid.UUID) -> Project | None:
    """The user's default project, locked; whoever changes which one it is takes turns from here on."""
    turn = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    session.execute(turn, {"key": f"default project:{user_id}"})
    query = _DEFAULT.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query, {"user_id": user_id})


def has_slug(session: Session, slug: str) -> bool:
    """Whether some project, anyone's, has this slug."""
    return session.scalar(select(Project.id).where(Project.slug == slug)) is not None


def references(session: Session, project_id: uuid.UUID) -> dict[str, int]:
    """How many of each kind refer to the project; kinds with none are left out."""
    scope = Base.metadata.tables["preference_entries"].c
    scoped = ("preferences", (scope.scope_type == "project") & (scope.scope_id == project_id))
    return core_references.references(session, Project.__tablename__, project_id, {"preference_entries": scoped})
