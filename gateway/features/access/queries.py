"""Every select on groups, roles, bindings and rules."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, column, exists, func, null, or_, select, table
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.core import references as core_references
from gateway.core.database import Base
from gateway.core.identity import Actor
from gateway.core.references import Named
from gateway.core.visibility import seen_by

from .models import AccessVersion, Group, GroupMember, PolicyRule, RoleBinding, RoleRow

# Users and projects stand above this room: it knows them by id, and here what to call them.
USERS = table("users", column("id"), column("handle"), column("display_name"), column("is_active"), column("is_system"))
PROJECTS = table("projects", column("id"), column("slug"), column("owner_id"))
TOKENS = table(
    "api_tokens", column("id"), column("user_id"), column("scopes"), column("expires_at"), column("revoked_at")
)

Rows = type[Group] | type[RoleRow] | type[RoleBinding] | type[PolicyRule]

OWNERS_LOCK = 7_340_005
"""Advisory lock under which it is looked whether an owner would be left."""


def current_version() -> Select[int]:
    """How often anything of this room has changed."""
    return select(AccessVersion.version)


def groups_of(session: Session, user_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """Id and name of the active groups that the user is an active member of, by name."""
    query = (
        select(Group.id, Group.name)
        .join(GroupMember, GroupMember.group_id == Group.id)
        .where(GroupMember.user_id == user_id, GroupMember.is_active, Group.is_active)
        .order_by(Group.name, Group.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def bindings_of(
    session: Session, user_id: uuid.UUID, groups: list[uuid.UUID]
) -> list[Row[RoleBinding, RoleRow, str | None]]:
    """The bindings of a user and of those groups, each with its role and the group's name."""
    query = (
        select(RoleBinding, RoleRow, Group.name)
        .join(RoleRow, RoleRow.id == RoleBinding.role_id)
        .outerjoin(Group, Group.id == RoleBinding.group_id)
        .where(or_(RoleBinding.user_id == user_id, RoleBinding.group_id.in_(groups)))
        .order_by(RoleBinding.id)
    )
    return list(session.execute(query))


def rules_of(session: Session, user_id: uuid.UUID, groups: list[uuid.UUID], roles: list[uuid.UUID]) -> list[PolicyRule]:
    """The enabled rules about a user, those groups, those roles, or everyone."""
    everyone = and_(PolicyRule.user_id.is_(None), PolicyRule.group_id.is_(None), PolicyRule.role_id.is_(None))
    about = or_(
        everyone,
        PolicyRule.user_id == user_id,
        PolicyRule.group_id.in_(groups),
        PolicyRule.role_id.in_(roles),
    )
    return list(session.scalars(select(PolicyRule).where(PolicyRule.is_enabled, about).order_by(PolicyRule.id)))


def holders(role: str) -> Select[uuid.UUID]:
    """Ids of the users who hold the role for the whole system, themselves or through a group."""
    direct = (
        select(RoleBinding.user_id.label("id"))
        .join(RoleRow, RoleRow.id == RoleBinding.role_id)
        .where(RoleRow.name == role, RoleBinding.project_id.is_(None), RoleBinding.user_id.is_not(None))
    )
    by_group = (
        select(GroupMember.user_id.label("id"))
        .join(Group, and_(Group.id == GroupMember.group_id, Group.is_active))
        .join(RoleBinding, and_(RoleBinding.group_id == Group.id, RoleBinding.project_id.is_(None)))
        .join(RoleRow, and_(RoleRow.id == RoleBinding.role_id, RoleRow.name == role))
        .where(GroupMember.is_active)
    )
    both = direct.union(by_group).subquery()
    return select(both.c.id)


def roles_held(session: Session, user_ids: Collection[uuid.UUID]) -> Sequence[Row[uuid.UUID, str]]:
    """The roles that these users hold for the whole system, each user with each role, themselves or through groups."""
    role = select(RoleRow.name).where(RoleRow.id == RoleBinding.role_id).scalar_subquery()
    for_all = (RoleBinding.project_id.is_(None),)
    direct = select(RoleBinding.user_id, role).where(RoleBinding.user_id.in_(user_ids), *for_all)
    by_group = (
        select(GroupMember.user_id, role)
        .join(Group, and_(Group.id == GroupMember.group_id, Group.is_active))
        .join(RoleBinding, RoleBinding.group_id == Group.id)
        .where(GroupMember.user_id.in_(user_ids), GroupMember.is_active, *for_all)
    )
    return session.execute(direct.union(by_group)).all()


def active_holders(role: str) -> Select[uuid.UUID]:
    """Those of them whose account is active."""
    return select(USERS.c.id).where(USERS.c.id.in_(holders(role)), USERS.c.is_active)


def hold_owners(session: Session) -> None:
    """Nobody else looks for owners before this transaction ends: two must not unmake each other at once."""
    session.execute(select(func.pg_advisory_xact_lock(OWNERS_LOCK)))


def user(session: Session, wanted: uuid.UUID | str) -> Row[uuid.UUID, str, bool] | None:
    """Id and handle of the user of that id or handle, and whether their account is active."""
    is_it = USERS.c.id == wanted if isinstance(wanted, uuid.UUID) else USERS.c.handle == wanted.lower()
    return session.execute(select(USERS.c.id, USERS.c.handle, USERS.c.is_active).where(is_it)).first()


def token(session: Session, token_id: uuid.UUID) -> Row[uuid.UUID, list[str] | None, bool] | None:
    """Whose an API token is, its scopes, and whether it can still be used."""
    is_live = TOKENS.c.revoked_at.is_(None) & (TOKENS.c.expires_at.is_(None) | (TOKENS.c.expires_at > func.now()))
    query = select(TOKENS.c.user_id, TOKENS.c.scopes, is_live).where(TOKENS.c.id == token_id)
    return session.execute(query).first()


def project_exists(session: Session, project_id: uuid.UUID) -> bool:
    """Whether there is such a project."""
    return session.scalar(select(exists().where(PROJECTS.c.id == project_id))) or False


def project_owner(session: Session, project_id: uuid.UUID) -> uuid.UUID | None:
    """Whose project it is; None when there is no such project."""
    return session.scalar(select(PROJECTS.c.owner_id).where(PROJECTS.c.id == project_id))


def seen(actor: Actor, action: str, rows: Rows) -> ColumnElement[bool]:
    """Those of the groups, roles, bindings or rules on which the actor may do `action`; they are nobody's."""
    project = RoleBinding.project_id if rows is RoleBinding else None
    return seen_by(actor, action, owner=None, project=project, key=rows.id)


def groups(external_id: str | None = None, q: str | None = None) -> Select[Group]:
    """All groups, or the one of that external id; `q` is part of the name or the description."""
    query = select(Group) if external_id is None else select(Group).where(Group.external_id == external_id)
    return _said(query, q, Group.name, Group.description)


def group(session: Session, wanted: uuid.UUID | str) -> Group | None:
    """A group by id or name."""
    column_ = Group.id if isinstance(wanted, uuid.UUID) else Group.name
    return session.scalar(select(Group).where(column_ == wanted))


def members(group_id: uuid.UUID, external_id: str | None = None) -> Select[GroupMember]:
    """The members of a group, or the one of that external id."""
    found = select(GroupMember).where(GroupMember.group_id == group_id)
    return found if external_id is None else found.where(GroupMember.external_id == external_id)


def called(session: Session, user_ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """Handle and display name of users, by id."""
    query = select(USERS.c.id, USERS.c.handle, USERS.c.display_name).where(USERS.c.id.in_(user_ids))
    return {row[0]: (row[1], row[2]) for row in session.execute(query)}


def roles(q: str | None = None) -> Select[RoleRow]:
    """All roles; `q` is part of the name or the description."""
    return _said(select(RoleRow), q, RoleRow.name, RoleRow.description)


def role(session: Session, wanted: uuid.UUID | str) -> RoleRow | None:
    """A role by id or name."""
    column_ = RoleRow.id if isinstance(wanted, uuid.UUID) else RoleRow.name
    return session.scalar(select(RoleRow).where(column_ == wanted))


def bindings(
    *,
    subject_type: str | None,
    subject_id: uuid.UUID | None,
    role_id: uuid.UUID | None,
    scope_type: str | None,
    scope_id: uuid.UUID | None,
) -> Select[RoleBinding]:
    """The bindings, narrowed down."""
    query = select(RoleBinding)
    subject = {"user": RoleBinding.user_id, "group": RoleBinding.group_id}
    if subject_type is not None:
        query = query.where(subject[subject_type].is_not(None))
    if subject_id is not None:
        query = query.where(or_(RoleBinding.user_id == subject_id, RoleBinding.group_id == subject_id))
    if role_id is not None:
        query = query.where(RoleBinding.role_id == role_id)
    if scope_type is not None:
        is_project: ColumnElement[bool] = RoleBinding.project_id.is_not(None)
        query = query.where(is_project if scope_type == "project" else ~is_project)
    return query.where(RoleBinding.project_id == scope_id) if scope_id is not None else query


def names_seen(
    session: Session, actor: Actor, wanted: Collection[uuid.UUID]
) -> dict[uuid.UUID, Row[uuid.UUID, str, str | None]]:
    """Id, name and, of a user, display name of those of the users, groups and roles that the actor may see, by id."""
    of_users = seen_by(actor, "users.read", owner=USERS.c.id, key=USERS.c.id)
    kinds = (
        select(USERS.c.id, USERS.c.handle, USERS.c.display_name).where(USERS.c.id.in_(wanted), of_users),
        select(Group.id, Group.name, null()).where(Group.id.in_(wanted), seen(actor, "groups.read", Group)),
        select(RoleRow.id, RoleRow.name, null()).where(RoleRow.id.in_(wanted), seen(actor, "roles.read", RoleRow)),
    )
    return {row[0]: row for kind in kinds for row in session.execute(kind)} if wanted else {}


def names(session: Session, rows: list[RoleBinding]) -> dict[uuid.UUID, str]:
    """What the users, groups, roles and projects of some bindings are called, by id."""
    found: dict[uuid.UUID, str] = {}
    wanted = {row.user_id for row in rows} | {row.group_id for row in rows} | {row.project_id for row in rows}
    wanted |= {row.role_id for row in rows}
    for key, name in (
        (USERS.c.id, USERS.c.handle),
        (Group.id, Group.name),
        (RoleRow.id, RoleRow.name),
        (PROJECTS.c.id, PROJECTS.c.slug),
    ):
        found |= {row[0]: row[1] for row in session.execute(select(key, name).where(key.in_(wanted - {None})))}
    return found


def rules(*, effect: str | None, action: str | None, q: str | None = None) -> Select[PolicyRule]:
    """The rules, narrowed down; `q` is part of the name or the description."""
    query = _said(select(PolicyRule), q, PolicyRule.name, PolicyRule.description)
    if effect is not None:
        query = query.where(PolicyRule.effect == effect)
    return query.where(PolicyRule.action == action) if action is not None else query


def _said(query: Select[Any], q: str | None, *columns: InstrumentedAttribute[str]) -> Select[Any]:
    """Those of the rows in one of whose columns the words stand as they are written."""
    return query if q is None else query.where(or_(*(column_.icontains(q, autoescape=True) for column_ in columns)))


def rules_about(session: Session, subject: Group | RoleRow, effect: str) -> list[PolicyRule]:
    """The enabled rules that allow, or deny, something to a group's members or to a role's holders."""
    about = (PolicyRule.group_id if isinstance(subject, Group) else PolicyRule.role_id) == subject.id
    return list(session.scalars(select(PolicyRule).where(PolicyRule.effect == effect, PolicyRule.is_enabled, about)))


def references(session: Session, row: Group | RoleRow) -> str:
    """What keeps a group or role from being deleted, counted and in words; nothing where nothing does."""
    scope = Base.metadata.tables["preference_entries"].c
    scoped = ("preferences", (scope.scope_type == "group") & (scope.scope_id == row.id))
    named: Named = {"preference_entries": scoped} if isinstance(row, Group) else {}
    found = core_references.references(session, row.__tablename__, row.id, named)
    return " and ".join(core_references.counted(kind, count) for kind, count in found.items())
