"""Rules of projects: the only writer of this room's table."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import Actor
from gateway.core.policy import Resource, can, rights_of
from gateway.core.references import still_referenced
from gateway.core.rights import Conditions
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.settings import service as settings

from . import queries
from .models import Project
from .schemas import ProjectIn, ProjectOut, ProjectPatch

NOT_THERE = "there is no such project, or it is not yours"


def default_project(work: Work, user_id: uuid.UUID, handle: str) -> Any:
    """The user's default project, made on first need; two requests at once make one. As `for_new_work`."""
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
    return project


def for_new_work(work: Work, project_id: uuid.UUID | None, action: str) -> Any:
    """The project that new work of the caller goes to, once `action` (such as `tasks.create`) is allowed there.

    Its id, owner_id and is_active can be read of what is returned.

    In someone else's project the caller needs the right there. Raises Forbidden, and Invalid for a project that
    cannot take it.
    """
    actor, kind = work.actor, action.partition(".")[0]
    if project_id is None:
        project = default_project(work, actor.user_id, actor.handle)
    else:
        found = queries.by_id(work.session, project_id)
        if found is None:
            work.allow(action, Resource(kind, None, actor.user_id))
            raise Invalid.field("project_id", NOT_THERE)
        project = found
    check_new_work(work, action, project.owner_id, project.id, project.is_active)
    return project


def check_new_work(work: Work, action: str, owner_id: uuid.UUID, project_id: uuid.UUID, is_active: bool) -> None:
    """Decides whether new work of the caller may go to a project. Raises as `for_new_work`."""
    try:
        work.allow(action, Resource(action.partition(".")[0], None, owner_id, project_id))
    except NotFound as error:
        raise Invalid.field("project_id", NOT_THERE) from error
    if not is_active:
        raise Invalid.field("project_id", "this project is not active")


def default_places() -> Select[uuid.UUID, uuid.UUID, bool]:
    """The query of all default projects: id, owner_id, is_active; for who looks up what lies in them."""
    return queries.default_places()


def for_policy(work: Work, project_id: uuid.UUID, action: str) -> Project:
    """The project that a policy is about, once `action` is allowed there. Raises Forbidden, Invalid."""
    project, kind = queries.by_id(work.session, project_id), action.partition(".")[0]
    if project is None:
        work.allow(action, Resource(kind, None, work.actor.user_id))
        raise Invalid.field("scope_id", NOT_THERE)
    try:
        work.allow(action, Resource(kind, None, project.owner_id, project.id))
    except NotFound as error:
        raise Invalid.field("scope_id", NOT_THERE) from error
    return project


def retentions(work: Work) -> dict[uuid.UUID, dict[str, Any]]:
    """What projects say of how long their things are kept, for whoever carries that out."""
    return queries.retentions(work.session)


def lost_right(work: Work, user_id: uuid.UUID, project_id: uuid.UUID | None, action: str) -> Callable[[], str | None]:
    """Asks why work of that user that `for_new_work` let in would not be let in now; None when it would.

    Without a project, it is asked of what is the user's own.
    Rules with conditions are left out on both sides: how, whence and when the work was asked for is over.
    """
    owner, kind = identity.asked_user(work, user_id), action.partition(".")[0]
    owner_id = queries.owner(work.session, project_id) if project_id is not None else lambda: user_id
    return lambda: _lost(owner(), Resource(kind, None, owner_id() or user_id, project_id), action)


def _lost(owner: Actor | None, place: Resource, action: str) -> str | None:
    return "the account is disabled" if owner is None else why_lost(owner, place, action)


def why_lost(actor: Actor, place: Resource, action: str) -> str | None:
    """The same for any thing, of somebody with the rights of now."""
    decision = can(actor, action, place)
    if decision.allowed or (decision.rule and decision.rule.conditions != Conditions()):
        return None
    case = rights_of(actor).about(action)
    return (
        decision.reason if decision.rule or not any(rule.conditions != Conditions() for rule in case.allows) else None
    )


def visible(work: Work, *, is_active: bool | None = None, q: str | None = None) -> Select[Project]:
    """The projects the caller may see, to be paged."""
    work.allow("projects.read", Resource("projects", listed=True))
    default_project(work, work.actor.user_id, work.actor.handle)
    return queries.filtered(work.actor, is_active=is_active, q=q)


def get(work: Work, project_id: uuid.UUID) -> Project:
    """One project. Raises NotFound."""
    return _find(work, project_id, "projects.read")


def owner_of(work: Work, project_id: uuid.UUID) -> uuid.UUID | None:
    """Whose a project is, for what the gateway does by itself; None once it was deleted."""
    project = work.session.get(Project, project_id)
    return project.owner_id if project is not None else None


def named(work: Work, name: str) -> Project:
    """An active project by its id or slug, as a header names one. Raises NotFound."""
    work.allow("projects.read", Resource("projects", listed=True))
    project = queries.named(work.session, work.actor, name)
    if project is None:
        raise NotFound(f"There is no active project {name[:100]!r}, or it is not yours.", code="project_not_found")
    return project


def for_change(work: Work, project_id: uuid.UUID) -> Project:
    """One project, locked, to be changed. Raises NotFound."""
    return _find(work, project_id, "projects.update", lock=True)


def describe(work: Work, projects: list[Project]) -> list[ProjectOut]:
    """Projects as the wire shows them."""
    zones = identity.time_zones_of(work, {project.owner_id for project in projects})
    of_all = settings.value(work, "time_zone")
    shown = []
    for project in projects:
        plain = {name: getattr(project, name) for name in ProjectOut.model_fields if hasattr(project, name)}
        zone = project.time_zone or zones.get(project.owner_id) or of_all
        shown.append(ProjectOut(**plain, effective_time_zone=zone))
    return shown


def described(work: Work, project: Project) -> ProjectOut:
    """One project as the wire shows it."""
    return describe(work, [project])[0]


def time_zone_of(work: Work, project_id: uuid.UUID) -> str | None:
    """The time zone that a project has of its own, if any: what lies in it inherits it. Whoever calls has decided."""
    project = queries.by_id(work.session, project_id)
    return project.time_zone if project else None


def create(work: Work, wish: ProjectIn) -> Project:
    """A new project of the caller's. Raises Conflict for a taken slug."""
    work.allow("projects.create", Resource("projects", None, work.actor.user_id))
    default_project(work, work.actor.user_id, work.actor.handle)
    _check_slug(work, wish.slug)
    project = Project(
        id=new_id(), owner_id=work.actor.user_id, slug=wish.slug, display_name=wish.display_name or wish.slug,
        description=wish.description, is_active=wish.is_active, time_zone=wish.time_zone,
        retention=wish.retention.model_dump(exclude_none=True),
    )  # fmt: skip
    work.session.add(project)
    work.session.flush()
    _announce(work, project, "project.created")
    return project


def change(work: Work, project: Project, patch: ProjectPatch) -> Project:
    """Changes a project, as `for_change` gave it. Raises Conflict for a taken slug or an inactive default."""
    given = patch.model_fields_set
    if patch.slug is not None and patch.slug != project.slug:
        _check_slug(work, patch.slug)
        project.slug = patch.slug
    if patch.display_name is not None:
        project.display_name = patch.display_name
    if "description" in given:
        project.description = patch.description or ""
    if "time_zone" in given:
        project.time_zone = patch.time_zone
    if "retention" in given:
        merged = {**project.retention, **(patch.retention.model_dump(exclude_unset=True) if patch.retention else {})}
        kept = {name: days for name, days in merged.items() if days is not None}
        project.retention = kept if patch.retention else {}
    if patch.is_active is not None:
        project.is_active = patch.is_active
    if patch.is_default is not None:
        _set_default(work, project, patch.is_default)
    if project.is_default and not project.is_active:
        raise Conflict("A default project stays active; make another one the default first.", code="default_project")
    work.session.flush()
    _announce(work, project, "project.updated")
    return project


def remove(work: Work, project_id: uuid.UUID) -> None:
    """Deletes a project that nothing refers to. Raises Conflict that says what does."""
    project = _find(work, project_id, "projects.delete", lock=True)
    if project.is_default:
        raise Conflict("A default project stays; make another one the default first.", code="default_project")
    if found := queries.references(work.session, project.id):
        raise still_referenced("project", found)
    _announce(work, project, "project.deleted")
    work.session.delete(project)
    work.session.flush()


def _find(work: Work, project_id: uuid.UUID, action: str, *, lock: bool = False) -> Project:
    project = queries.one(work.session, work.actor, project_id, lock=lock)
    if project is None:
        raise NotFound("There is no such project, or it is not yours.")
    work.allow(action, project.as_resource)
    return project


def _check_slug(work: Work, slug: str) -> None:
    if queries.has_slug(work.session, slug):
        raise Conflict(f"The slug {slug} is taken; choose another one.", code="slug_taken")


def _set_default(work: Work, project: Project, wanted: bool) -> None:
    """Exactly one project of a user is the default, at every moment that others can see."""
    if not wanted and project.is_default:
        raise Conflict("Make another project the default; this one then no longer is.", code="default_project")
    if not wanted or project.is_default:
        return
    work.session.flush()
    if (former := queries.default_for_change(work.session, project.owner_id)) is not None:
        _allow_to_unmake_default(work, former)
        former.is_default = False
        work.session.flush()
        _announce(work, former, "project.updated")
    project.is_default = True


def _allow_to_unmake_default(work: Work, former: Project) -> None:
    """A right in one project is none in its owner's others. Raises Forbidden."""
    try:
        work.allow("projects.update", former.as_resource)
    except NotFound as error:
        raise Forbidden("Which project of theirs is the default is for its owner to say.") from error


def _announce(work: Work, project: Project, name: str) -> None:
    work.emit(
        name, owner_id=project.owner_id, project_id=project.id,
        data={"slug": project.slug, "display_name": project.display_name, "is_active": project.is_active},
    )  # fmt: skip
