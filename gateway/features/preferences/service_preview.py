"""What a change of a preference would do, before it is saved. Reads only."""

import json
import uuid
from collections.abc import Callable, Sequence

from gateway.core.errors import Invalid
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import constraints as rules
from . import keys, queries, service
from .queries import Place
from .resolution import Entry, resolve
from .schemas import EffectiveItem, ForWhom, PreferencePreview, PreferencePreviewIn, PreviewState, ScopeId

Shown = Callable[[Entry], bool]
"""Whether the caller may see an entry."""


def preview(work: Work, scope_type: str, scope_id: ScopeId, key: str, wish: PreferencePreviewIn) -> PreferencePreview:
    """What would count of a key if it were set or deleted at a scope.

    Raises NotFound and Forbidden for a scope, task, project or user that the caller may not read, Invalid for a value
    that could not be set.
    """
    place = _place(work, scope_type, scope_id, key)
    task_id, project_id, user_id = _for_whom(work, place, wish)
    found = queries.applying_of_keys(work.session, user_id, project_id, [task_id] if task_id else [], [key])()
    name = queries.group_that_counts(work.session, user_id, place.scope_id) if scope_type == "group" else None
    bears = {"system": True, "user": place.scope_id == user_id, "project": place.scope_id == project_id,
             "task": place.scope_id == task_id, "group": name is not None}  # fmt: skip
    changed = [entry for entry in found if (entry.scope_type, entry.scope_id) != (scope_type, place.scope_id)]
    entry = None if wish.is_deleted else _proposed(work, place, name, wish)
    if entry is not None and bears[scope_type]:
        changed.append(entry)
    is_shown = service.shown_to(work, user_id, project_id)
    before, after = _lines(found, is_shown), _lines(changed, is_shown)
    diff = [f"- {line}" for line in before if line not in after] + [f"+ {line}" for line in after if line not in before]
    return PreferencePreview(
        task_id=task_id, project_id=project_id, user_id=user_id, applies=bears[scope_type],
        before=_state(found, is_shown), after=_state(changed, is_shown), diff=diff,
    )  # fmt: skip


def _place(work: Work, scope_type: str, scope_id: ScopeId, key: str) -> Place:
    if scope_type == "system":
        work.allow("preferences.read", Resource("preferences", f"system/-/{key}"))
    known_id = service.id_of(work, scope_type, scope_id)
    whose = service.readable(work, scope_type, known_id) if known_id is not None else (None, None)
    return Place(scope_type, known_id, key, *whose)


def _for_whom(
    work: Work, place: Place, wish: PreferencePreviewIn
) -> tuple[uuid.UUID | None, uuid.UUID | None, uuid.UUID]:
    """Task, project and user: those that are asked about, else those of the scope, else the caller."""
    about: ForWhom = wish
    if wish.task_id is None and wish.project_id is None and wish.user_id is None:
        has_own = place.scope_type in ("task", "project", "user")
        about = ForWhom(**{f"{place.scope_type}_id": place.scope_id} if has_own else {})
    user_id, project_id = service.whom(work, about)
    return about.task_id, project_id, user_id


def _proposed(work: Work, place: Place, name: str | None, wish: PreferencePreviewIn) -> Entry:
    value_type = wish.value_type or keys.type_of(wish.value)
    problem = keys.problem_with(place.key, wish.value, value_type)
    if problem is not None:
        raise Invalid.field(*problem)
    version = queries.last_version(work.session, place) + 1
    return Entry(place.scope_type, place.scope_id, name, place.key, wish.value, value_type, version)


def _counting(entries: Sequence[Entry], is_shown: Shown) -> list[Entry]:
    """The entry that decides about the one key that they are of, if there is one that the caller may see."""
    found = resolve(entries)
    return [entry for entry in (*found.values, *found.masked) if is_shown(entry)]


def _binding(entries: Sequence[Entry], is_shown: Shown) -> list[Entry]:
    return [entry for entry in rules.holding(entries) if is_shown(entry)]


def _state(entries: Sequence[Entry], is_shown: Shown) -> PreviewState:
    counting = _counting(entries, is_shown)
    return PreviewState(
        effective=EffectiveItem.model_validate(counting[0]) if counting else None,
        constraints=[EffectiveItem.model_validate(entry) for entry in _binding(entries, is_shown)],
    )


def _lines(entries: Sequence[Entry], is_shown: Shown) -> list[str]:
    """What counts and what binds, a line each: only what somebody notices, so without versions."""
    counting = [f"{entry.key} = {_value(entry)} from {entry.where}" for entry in _counting(entries, is_shown)]
    return counting + [
        f"{entry.key} binds: {_value(entry)} from {entry.where}" for entry in _binding(entries, is_shown)
    ]


def _value(entry: Entry) -> str:
    return json.dumps(entry.value, ensure_ascii=False, sort_keys=True)
