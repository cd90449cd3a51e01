"""Which of many entries count: the nearest valid one of each key. Pure, over plain values."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from . import keys

SCOPES = ("task", "project", "user", "group", "system")
"""From the nearest to the furthest."""

ADMINISTRATIVE = frozenset({"group", "system"})
"""Scopes that only administrators write to."""

_RANK = {scope: rank for rank, scope in enumerate(SCOPES)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One preference at one scope; `scope_name` is a group's name."""

    scope_type: str
    scope_id: uuid.UUID | None
    scope_name: str | None
    key: str
    value: Any
    value_type: str
    version: int

    @property
    def where(self) -> str:
        """The scope in words."""
        if self.scope_type == "system":
            return "system scope"
        return f"{self.scope_type} scope ({self.scope_name or self.scope_id})"


@dataclass(frozen=True, slots=True)
class Misfit:
    """An entry that is passed over, and why."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What counts, what is masked by a null, and what had to be passed over; each in the order of the keys."""

    values: list[Entry] = field(default_factory=list)
    masked: list[Entry] = field(default_factory=list)
    invalid: list[Misfit] = field(default_factory=list)


def resolve(entries: Iterable[Entry]) -> Resolution:
    """The nearest valid entry of each key: task, project, user, groups by name and then id, system.

    A `null` hides the entries further away. An invalid entry counts as if it were not there, and is reported
    even where a nearer one decides.
    """
    found = Resolution()
    for _, rivals in groupby(sorted(entries, key=_order), key=lambda entry: entry.key):
        decided = False
        for entry in rivals:
            problem = keys.problem_with(entry.key, entry.value, entry.value_type)
            if problem is not None:
                found.invalid.append(Misfit(entry, problem[1]))
            elif not decided:
                decided = True
                (found.masked if entry.value is None else found.values).append(entry)
    return found


def _order(entry: Entry) -> tuple[str, int, str, str]:
    return entry.key, _RANK[entry.scope_type], entry.scope_name or "", str(entry.scope_id)
