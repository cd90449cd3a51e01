"""Every select on preferences."""

import uuid
from collections.abc import Callable, Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, cast, column, func, null, or_, select, table, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import PreferenceChange, PreferenceEntry
from .resolution import Entry

# Tasks are a room above this one, and what else scopes name is looked up in the same round trip as the entries.
_tasks = table("tasks", column("id"), column("owner_id"), column("project_id"))
_projects = table("projects", column("id"), column("owner_id"))
_users = table("users", column("id"))
_groups = table("groups", column("id"), column("name"), column("is_active"))
_members = table("group_members", column("group_id"), column("user_id"), column("is_active"))

_ID = bindparam("id", type_=PreferenceEntry.id.type)
_SCOPES = {
    "task": select(_tasks.c.owner_id, _tasks.c.project_id).where(_tasks.c.id == _ID),
    "project": select(_projects.c.owner_id, _projects.c.id).where(_projects.c.id == _ID),
    "user": select(_users.c.id, null()).where(_users.c.id == _ID),
    "group": select(null(), null()).select_from(_groups).where(_groups.c.id == _ID),
}
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class Place(NamedTuple):
    """One key at one scope, with whose it is."""

    scope_type: str
    scope_id: uuid.UUID | None
    key: str
    owner_id: uuid.UUID | None
    project_id: uuid.UUID | None


def belongs_to(session: Session, scope_type: str, scope_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Owner and project of a task, project, user or group, each None where it has none; None when it is not there."""
    if scope_type not in _SCOPES:
        return None
    row = session.execute(_SCOPES[scope_type], {"id": scope_id}).one_or_none()
    return (row[0], row[1]) if row is not None else None


def locked(session: Session, place: Place) -> PreferenceEntry | None:
    """The entry of a place, which nobody else changes until the transaction ends, be it there or not."""
    session.execute(_LOCK, {"name": f"preference/{place.scope_type}/{place.scope_id}/{place.key}"})
    return session.scalar(select(PreferenceEntry).where(_at(PreferenceEntry, place)))


def last_version(session: Session, place: Place) -> int:
    """The newest version that the place ever had; 0 when it never had one."""
    return session.scalar(select(func.max(PreferenceChange.version)).where(_at(PreferenceChange, place))) or 0


def entries(
    actor: Actor, scope_type: str | None, scope_id: uuid.UUID | None, key_prefix: str | None
) -> Select[PreferenceEntry]:
    """The entries the actor may see."""
    query = select(PreferenceEntry).where(_visible(actor, PreferenceEntry), *_in(PreferenceEntry, scope_type, scope_id))
    return query.where(_begins(PreferenceEntry.key, key_prefix)) if key_prefix else query


def history(
    actor: Actor, scope_type: str | None, scope_id: uuid.UUID | None, key: str | None
) -> Select[PreferenceChange]:
    """The changes the actor may see."""
    found = _in(PreferenceChange, scope_type, scope_id)
    query = select(PreferenceChange).where(_visible(actor, PreferenceChange), *found)
    return query.where(PreferenceChange.key == key) if key else query


def of_scope(scope_type: str, scope_id: uuid.UUID) -> Select[PreferenceEntry]:
    """Every entry at one scope."""
    return select(PreferenceEntry).where(PreferenceEntry.scope_type == scope_type, PreferenceEntry.scope_id == scope_id)


def _groups_of(user_id: ColumnElement[uuid.UUID]) -> Select[uuid.UUID]:
    """The groups that count for a user: active ones in which they are active."""
    joined = _members.join(_groups, _groups.c.id == _members.c.group_id)
    return (
        select(_members.c.group_id)
        .select_from(joined)
        .where(_members.c.user_id == user_id, _members.c.is_active, _groups.c.is_active)
    )


def group_that_counts(session: Session, user_id: uuid.UUID, group_id: uuid.UUID | None) -> str | None:
    """The name of a group, if it counts for a user."""
    counting = _groups_of(bindparam(None, user_id, type_=PreferenceEntry.id.type))
    return session.scalar(select(_groups.c.name).where(_groups.c.id == group_id, _groups.c.id.in_(counting)))


_USER = bindparam("user_id", type_=PreferenceEntry.id.type)
_PROJECT = bindparam("project_id", type_=PreferenceEntry.id.type)
_TASKS = bindparam("task_ids", type_=ARRAY(PreferenceEntry.id.type))

_APPLYING = (
    select(
        PreferenceEntry.scope_type, PreferenceEntry.scope_id, _groups.c.name, PreferenceEntry.key,
        PreferenceEntry.value, PreferenceEntry.value_type, PreferenceEntry.version,
    )
    .outerjoin(_groups, and_(PreferenceEntry.scope_type == "group", _groups.c.id == PreferenceEntry.scope_id))
    .where(
        or_(
            and_(PreferenceEntry.scope_type == "system", PreferenceEntry.scope_id.is_(None)),
            and_(PreferenceEntry.scope_type == "user", PreferenceEntry.scope_id == _USER),
            and_(PreferenceEntry.scope_type == "project", PreferenceEntry.scope_id == _PROJECT),
            and_(PreferenceEntry.scope_type == "task", PreferenceEntry.scope_id == func.any(_TASKS)),
            and_(PreferenceEntry.scope_type == "group", PreferenceEntry.scope_id.in_(_groups_of(_USER))),
        )
    )
)  # fmt: skip
"""Built once: every new task needs it."""

_APPLYING_KEYS = FixedQuery(_APPLYING.where(PreferenceEntry.key == func.any(bindparam("keys"))))


def applying(
    session: Session,
    user_id: uuid.UUID,
    project_id: uuid.UUID | None,
    task_id: uuid.UUID | None,
    *,
    key_prefix: str | None = None,
) -> list[Entry]:
    """Every entry that bears on a user in a project and task, of all scopes, in one round trip."""
    query = _APPLYING.where(_begins(PreferenceEntry.key, key_prefix)) if key_prefix else _APPLYING
    values = {"user_id": user_id, "project_id": project_id, "task_ids": [task_id] if task_id else []}
    return [Entry(*row) for row in session.execute(query, values)]


def applying_of_keys(
    session: Session, user_id: uuid.UUID, project_id: uuid.UUID | None, task_ids: Collection[uuid.UUID], keys: list[str]
) -> Callable[[], list[Entry]]:
    """Asks for the entries of these keys that bear on a user in a project, or on some of these tasks."""
    values = {"user_id": user_id, "project_id": project_id, "task_ids": list(task_ids), "keys": keys}
    answer = _APPLYING_KEYS.ask(session, **values)
    return lambda: [Entry(*row) for row in answer.rows()]


Rows = type[PreferenceEntry] | type[PreferenceChange]


def _visible(actor: Actor, rows: Rows) -> ColumnElement[bool]:
    """What is the actor's by the policy, what bears on everyone, and what bears on the actor's groups.

    What bears on all is not refused for being nobody's, but a rule that denies reading it counts as it does elsewhere.
    """
    groups = _groups_of(bindparam(None, actor.user_id, type_=PreferenceEntry.id.type))
    return seen_by(
        actor, "preferences.read", owner=rows.owner_id, project=rows.project_id, key=lambda keys: _named(rows, keys),
        besides=or_(rows.scope_type == "system", and_(rows.scope_type == "group", rows.scope_id.in_(groups))),
    )  # fmt: skip


def _named(rows: Rows, keys: frozenset[str]) -> ColumnElement[bool]:
    """As `service` names to the policy what it decides about: an entry by `scope/ID/key`, a scope by `scope/ID`."""
    scope = rows.scope_type + "/" + func.coalesce(cast(rows.scope_id, Text), "-")
    return or_(scope.in_(sorted(keys)), (scope + "/" + rows.key).in_(sorted(keys)))


def _in(rows: Rows, scope_type: str | None, scope_id: uuid.UUID | None) -> list[ColumnElement[bool]]:
    wanted = []
    if scope_type is not None:
        wanted.append(rows.scope_type == scope_type)
    if scope_id is not None:
        wanted.append(rows.scope_id == scope_id)
    return wanted


def _at(rows: Rows, place: Place) -> ColumnElement[bool]:
    scope = rows.scope_id.is_not_distinct_from(place.scope_id)
    return and_(rows.scope_type == place.scope_type, scope, rows.key == place.key)


def _begins(key: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    return key.startswith(prefix, autoescape=True)
