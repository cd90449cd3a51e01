"""Rules of projects: the only writer of this room's table."""

import uuid

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id
from gateway.core.errors import Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries
from .models import Project


def default_project(work: Work, user_id: uuid.UUID, handle: str) -> Project:
    """The user's default project, made on first need; two requests at once make one."""
    project = queries.default_of(work.session, user_id)
    if project is None:
        fresh_id = new_id()
        work.session.execute(
            insert(Project)
            .values(
                id=fresh_id, owner_id=user_id, slug=f"default-{fresh_id.hex[-12:]}",
                display_name=f"{handle}'s default project", is_default=True,
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
        project = queries.default_of(work.session, user_id)
        assert project is not None
    return project


def for_new_work(work: Work, project_id: uuid.UUID | None) -> Project:
    """The project that new work of the caller goes to. Raises Invalid for one that cannot take it."""
    if project_id is None:
        return default_project(work, work.actor.user_id, work.actor.handle)
    project = queries.one(work.session, work.actor, project_id)
    if project is None:
        raise Invalid.field("project_id", "there is no such project, or it is not yours")
    if not project.is_active:
        raise Invalid.field("project_id", "this project is not active")
    return project


def visible(work: Work) -> Select[Project]:
    """The projects the caller may see, to be paged."""
    work.allow("projects.read", Resource("projects"))
    default_project(work, work.actor.user_id, work.actor.handle)
    return queries.visible(work.actor)


def get(work: Work, project_id: uuid.UUID) -> Project:
    """One project. Raises NotFound."""
    project = queries.one(work.session, work.actor, project_id)
    if project is None:
        raise NotFound("There is no such project, or it is not yours.")
    work.allow("projects.read", Resource("projects", project.id, project.owner_id))
    return project
