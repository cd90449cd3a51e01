"""Rules of preferences: the only writer of this room's tables."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.policy import Resource, reach
from gateway.core.resources import Asked, as_id
from gateway.core.unit_of_work import Work

from . import constraints as rules
from . import keys, queries
from .constraints import Refusal
from .models import PreferenceChange, PreferenceEntry
from .queries import Place
from .resolution import ADMINISTRATIVE, Entry, resolve
from .schemas import (
    DeleteQuery,
    EffectiveItem,
    EffectiveOut,
    EffectiveQuery,
    ForWhom,
    InvalidOut,
    MaskedOut,
    PreferenceIn,
    ScopeId,
)

Whose = tuple[Any, Any]
"""The ids of a scope's owner and project, each None where it has none."""


def visible(
    work: Work, scope_type: str | None, scope_id: ScopeId | None, key_prefix: str | None
) -> Select[PreferenceEntry]:
    """The entries the caller may see, to be paged."""
    work.allow("preferences.read", Resource("preferences", listed=True))
    wanted = id_of(work, scope_type, scope_id) if scope_type and scope_id else None
    return queries.entries(work.actor, scope_type, wanted, key_prefix)


def history(work: Work, scope_type: str | None, scope_id: ScopeId | None, key: str | None) -> Select[PreferenceChange]:
    """The versions the caller may see, to be paged oldest first."""
    work.allow("preferences.read", Resource("preferences", listed=True))
    wanted = id_of(work, scope_type, scope_id) if scope_type and scope_id else None
    return queries.history(work.actor, scope_type, wanted, key)


def for_change(
    work: Work, verb: str, scope_type: str, scope_id: ScopeId, key: str
) -> tuple[Place, PreferenceEntry | None]:
    """A place that the caller may `write` or `delete` at, locked, with its entry. Raises NotFound and Forbidden."""
    known_id = id_of(work, scope_type, scope_id)
    whose = queries.belongs_to(work.session, scope_type, known_id) if known_id is not None else (None, None)
    action = f"preferences.{verb}_shared" if scope_type in ADMINISTRATIVE else f"preferences.{verb}"
    whose = _allowed(work, action, scope_type, f"{scope_type}/{known_id or '-'}/{key}", whose)
    place = Place(scope_type, known_id, key, *whose)
    return place, queries.locked(work.session, place)


def described(session: Session, key: str, asked: Asked) -> Resource | None:
    """What the policy is asked about the entry, or all, at `scope/ID/key`, for whoever explains what it decides."""
    scope_type, scope_id = key.split("/", 2)[:2] if "/" in key else (key, "")
    if scope_type == "system":
        return Resource("preferences", key)
    wanted = as_id(scope_id)
    whose = queries.belongs_to(session, scope_type, wanted) if wanted is not None else None
    return Resource("preferences", key, *whose) if whose is not None else None


def put(work: Work, place: Place, entry: PreferenceEntry | None, wish: PreferenceIn) -> PreferenceEntry:
    """Sets the value. Raises Invalid when it does not fit, Conflict when `expected_version` is not the present one."""
    value_type = wish.value_type or keys.type_of(wish.value)
    problem = keys.problem_with(place.key, wish.value, value_type)
    if problem is not None:
        raise Invalid.field(*problem)
    _expect(entry, wish.expected_version)
    version = queries.last_version(work.session, place) + 1
    if entry is None:
        entry = PreferenceEntry(id=new_id(), **place._asdict())
        work.session.add(entry)
    entry.value, entry.value_type, entry.version = wish.value, value_type, version
    entry.updated_at, entry.updated_by = now(), work.actor.handle
    work.session.flush()
    _record(work, place, entry, reason=wish.reason)
    _announce(work, "preference.changed", place, version)
    return entry


def remove(work: Work, place: Place, entry: PreferenceEntry | None, wish: DeleteQuery) -> None:
    """Deletes an entry; its history stays, and its versions count on. Raises NotFound and Conflict."""
    if entry is None:
        raise NotFound("There is no such preference at this scope.")
    _expect(entry, wish.expected_version)
    entry.version += 1
    _record(work, place, entry, reason=wish.reason, is_deleted=True)
    _announce(work, "preference.deleted", place, entry.version)
    work.session.delete(entry)
    work.session.flush()


def forget_task(work: Work, task_id: uuid.UUID) -> None:
    """Deletes the entries of a task that is being deleted."""
    for entry in work.session.scalars(queries.of_scope("task", task_id)).all():
        place = Place("task", task_id, entry.key, entry.owner_id, entry.project_id)
        remove(work, place, queries.locked(work.session, place), DeleteQuery(reason="the task was deleted"))


def effective(work: Work, wish: EffectiveQuery) -> EffectiveOut:
    """What counts for a task, for a user in a project, or for a user, without entries that a rule denies the caller.

    Raises NotFound for what is not the caller's.
    """
    user_id, project_id = whom(work, wish)
    applying = queries.applying(work.session, user_id, project_id, wish.task_id, key_prefix=wish.key_prefix)
    found = resolve(applying)
    is_shown = shown_to(work, user_id, project_id)
    return EffectiveOut(
        task_id=wish.task_id,
        project_id=project_id,
        user_id=user_id,
        items=[EffectiveItem.model_validate(entry) for entry in found.values if is_shown(entry)],
        masked=[MaskedOut.model_validate(entry) for entry in found.masked if is_shown(entry)],
        invalid=[_invalid(misfit.entry, misfit.reason) for misfit in found.invalid if is_shown(misfit.entry)],
        constraints=[EffectiveItem.model_validate(entry) for entry in rules.holding(applying) if is_shown(entry)],
    )


def values(
    work: Work, owner_id: uuid.UUID, project_id: uuid.UUID | None, task_id: uuid.UUID | None = None
) -> dict[str, Any]:
    """The effective values by key, for what acts on behalf of `owner_id`."""
    return {
        entry.key: entry.value
        for entry in resolve(queries.applying(work.session, owner_id, project_id, task_id)).values
    }


def constraints(
    work: Work, owner_id: uuid.UUID, project_id: uuid.UUID | None, task_id: uuid.UUID | None = None
) -> tuple[Entry, ...]:
    """The entries that bind what is done on behalf of `owner_id`; to be asked with `preferences.constraints`."""
    return asked_constraints(work, owner_id, project_id, task_id)()


def asked_constraints(
    work: Work, owner_id: uuid.UUID, project_id: uuid.UUID | None, task_id: uuid.UUID | None = None
) -> Callable[[], tuple[Entry, ...]]:
    """Asks for the same."""
    task_ids = [task_id] if task_id else []
    found = queries.applying_of_keys(work.session, owner_id, project_id, task_ids, list(rules.KEYS))
    return lambda: rules.holding(found())


def constraints_of_task(work: Work, task_id: uuid.UUID) -> tuple[Entry, ...]:
    """The same for whoever acts for a task, by its id; nothing binds where the task is gone."""
    whose = queries.belongs_to(work.session, "task", task_id)
    return constraints(work, *whose, task_id) if whose is not None else ()


def constraints_of_tasks(
    work: Work, owner_id: uuid.UUID, project_id: uuid.UUID, task_ids: Collection[uuid.UUID]
) -> Callable[[uuid.UUID], tuple[Entry, ...]]:
    """Asks for the same of many tasks of one owner in one project; the answer is each task's."""
    found = queries.applying_of_keys(work.session, owner_id, project_id, task_ids, list(rules.KEYS))

    def held(task_id: uuid.UUID) -> tuple[Entry, ...]:
        return rules.holding(entry for entry in found() if entry.scope_type != "task" or entry.scope_id == task_id)

    return held


def refuse(work: Work, action: str, resource: Resource, refusals: list[Refusal]) -> None:
    """Records and raises Forbidden when there is a refusal: code `forbidden_by_preference`, key and scope named."""
    if not refusals:
        return
    work.record(action, resource, allowed=False, reason=refusals[0].message)
    raise Forbidden(
        refusals[0].sentence,
        code=rules.FORBIDDEN,
        errors=[(refusal.field, refusal.message) for refusal in refusals],
    )


def id_of(work: Work, scope_type: str, scope_id: ScopeId) -> uuid.UUID | None:
    """The id that a scope is meant by; None for the system. Raises Invalid."""
    if scope_type == "system":
        if scope_id != "-":
            raise Invalid.field("scope_id", "write - for the system, which has no id")
        return None
    if scope_id != "-":
        return scope_id
    if scope_type == "user":
        return work.actor.user_id
    raise Invalid.field("scope_id", f"give the id of the {scope_type}")


def whom(work: Work, wish: ForWhom) -> tuple[uuid.UUID, uuid.UUID | None]:
    """User and project of what is asked about. Raises NotFound for what is not the caller's."""
    if wish.task_id is not None:
        return readable(work, "task", wish.task_id)
    user_id, project_id = wish.user_id or work.actor.user_id, wish.project_id
    if project_id is not None:
        readable(work, "project", project_id)
    if user_id != work.actor.user_id or project_id is None:
        readable(work, "user", user_id)
    return user_id, project_id


def readable(work: Work, scope_type: str, scope_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """Owner and project of a scope whose preferences the caller may read. Raises NotFound, Forbidden."""
    whose = queries.belongs_to(work.session, scope_type, scope_id)
    return _allowed(work, "preferences.read", scope_type, f"{scope_type}/{scope_id}", whose)


def _allowed(work: Work, action: str, scope_type: str, name: str, whose: Whose | None) -> Whose:
    """Owner and project of a scope, once `action` is allowed there. Raises NotFound, the same for each cause."""
    gone = NotFound(f"There is no such {scope_type}, or it is not yours.")
    if whose is None:
        if scope_type == "group":  # nobody's: whoever may not ask about groups does not learn which there are
            work.allow(action, Resource("preferences", name))
        raise gone
    try:
        work.allow(action, Resource("preferences", name, *whose))
    except NotFound as error:
        raise gone from error
    return whose


def shown_to(work: Work, user_id: uuid.UUID, project_id: uuid.UUID | None) -> Callable[[Entry], bool]:
    """Whether no rule keeps the caller from an entry that bears on that user in that project."""
    taken_out = reach(work.actor, "preferences.read", "preferences").taken_out
    owners = {"user": user_id, "task": user_id}
    if taken_out and project_id is not None:
        owners["project"] = (queries.belongs_to(work.session, "project", project_id) or (user_id,))[0]

    def is_shown(entry: Entry) -> bool:
        is_own = owners.get(entry.scope_type) == work.actor.user_id
        place = project_id if entry.scope_type in ("task", "project") else None
        scope = f"{entry.scope_type}/{entry.scope_id or '-'}"
        names = (scope, f"{scope}/{entry.key}")
        return not any(clause.takes_in(is_own, place, name) for clause in taken_out for name in names)

    return is_shown


def _expect(entry: PreferenceEntry | None, expected: int | None) -> None:
    current = entry.version if entry is not None else 0
    if expected is None or expected == current:
        return
    now_at = f"it is at version {current} now" if current else "there is no such entry now, which is version 0"
    raise Conflict(f"You expected version {expected}, but {now_at}; read it again.", code="version_conflict")


def _record(work: Work, place: Place, entry: PreferenceEntry, *, reason: str | None, is_deleted: bool = False) -> None:
    change = {
        "id": new_id(), **place._asdict(), "version": entry.version, "value": entry.value,
        "value_type": entry.value_type, "is_deleted": is_deleted, "reason": reason, "actor": work.actor.handle,
        "time": now(),
    }  # fmt: skip
    work.session.add(PreferenceChange(**change))


def _announce(work: Work, name: str, place: Place, version: int) -> None:
    work.emit(
        name,
        owner_id=place.owner_id,
        task_id=place.scope_id if place.scope_type == "task" else None,
        project_id=place.project_id,
        data={
            "scope_type": place.scope_type,
            "scope_id": str(place.scope_id) if place.scope_id else None,
            "key": place.key,
            "version": version,
        },
    )


def _invalid(entry: Entry, reason: str) -> InvalidOut:
    return InvalidOut(
        scope_type=entry.scope_type,  # type: ignore[arg-type]
        scope_id=entry.scope_id,
        scope_name=entry.scope_name,
        key=entry.key,
        version=entry.version,
        reason=reason,
    )
