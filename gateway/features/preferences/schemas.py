"""Preferences on the wire (docs/preferences.md)."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.core.schemas import In, Out, PageQuery

from . import keys

ScopeType = Literal["task", "project", "user", "group", "system"]
ValueType = Literal["string", "number", "boolean", "object", "array", "null"]

LARGEST_VALUE = 64_000


def _key(text: str) -> str:
    if not keys.is_key(text):
        raise ValueError("use up to 200 lower-case letters, digits, dashes and underscores, in words joined by dots")
    return text


def _small(value: Any) -> Any:
    if len(json.dumps(value)) > LARGEST_VALUE:
        raise ValueError(f"the value is longer than {LARGEST_VALUE} characters of JSON")
    return value


Key = Annotated[str, AfterValidator(_key)]
KeyPrefix = Annotated[str | None, Field(max_length=200)]
ScopeId = uuid.UUID | Literal["-"]
Reason = Annotated[str | None, Field(max_length=1000)]
ExpectedVersion = Annotated[
    int | None, Field(ge=0, lt=2**63, description="the version that is to be replaced; 0: there is none yet")
]


class EntryPath(In):
    """One preference; `-` is no id for `system`, and yourself for `user`."""

    scope_type: ScopeType
    scope_id: ScopeId
    key: Key


class PreferenceIn(In):
    """A value; `null` masks the scopes further away. `value_type` is the value's own when absent."""

    value: Annotated[Any, AfterValidator(_small)]
    value_type: ValueType | None = None
    reason: Reason = None
    expected_version: ExpectedVersion = None


class DeleteQuery(In):
    """Why, and which version."""

    reason: Reason = None
    expected_version: ExpectedVersion = None


class ScopeQuery(PageQuery):
    """Which scope; all that you may see when absent."""

    scope_type: ScopeType | None = None
    scope_id: ScopeId | None = None

    @model_validator(mode="after")
    def scope_is_whole(self) -> "ScopeQuery":
        """An id without its type says nothing."""
        if self.scope_id is not None and self.scope_type is None:
            raise ValueError("scope_id: give scope_type as well")
        return self


class PreferenceQuery(ScopeQuery):
    """Filters of the list."""

    key_prefix: KeyPrefix = None


class HistoryQuery(ScopeQuery):
    """Filters of the history."""

    key: Key | None = None


class ForWhom(In):
    """A task, a project with its user, or a user alone; the caller when absent."""

    task_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    user_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def task_says_all(self) -> Self:
        """A task has its project and its user."""
        if self.task_id is not None and (self.project_id or self.user_id):
            raise ValueError("task_id: it says project and user already; leave project_id and user_id out")
        return self


class EffectiveQuery(ForWhom):
    """For whom, and which keys."""

    key_prefix: KeyPrefix = None


class PreferencePreviewIn(ForWhom):
    """A value that might be set, `null` to mask, or `is_deleted`; and for whom: whoever's scope it is when absent."""

    value: Annotated[Any, AfterValidator(_small)] = None
    value_type: ValueType | None = None
    is_deleted: bool = False

    @model_validator(mode="after")
    def one_change(self) -> Self:
        """A change is one or the other."""
        if ("value" in self.model_fields_set) == self.is_deleted:
            raise ValueError("value: give a value, or is_deleted: true")
        return self


class ScopedOut(Out):
    """Where a value stands."""

    scope_type: ScopeType
    scope_id: uuid.UUID | None
    key: str
    version: int


class PreferenceOut(ScopedOut):
    """One preference at one scope."""

    id: uuid.UUID
    value: Any
    value_type: ValueType
    updated_at: datetime
    updated_by: str


class PreferenceChangeOut(ScopedOut):
    """One version of a preference."""

    id: uuid.UUID
    value: Any
    value_type: ValueType
    is_deleted: bool
    reason: str | None
    actor: str
    time: datetime


class MaskedOut(ScopedOut):
    """A null that hides the scopes further away; `scope_name` is a group's name."""

    scope_name: str | None


class EffectiveItem(MaskedOut):
    """A value that counts, and where it comes from."""

    value: Any
    value_type: ValueType


class InvalidOut(MaskedOut):
    """An entry that is passed over, and why."""

    reason: str


class EffectiveOut(Out):
    """What counts, in the order of the keys. `constraints` are the entries that tasks and tools are held against."""

    task_id: uuid.UUID | None
    project_id: uuid.UUID | None
    user_id: uuid.UUID
    items: list[EffectiveItem]
    masked: list[MaskedOut]
    invalid: list[InvalidOut]
    constraints: list[EffectiveItem]


class PreviewState(Out):
    """What counts of one key, and the entries that bind. A value of null masks what is further away."""

    effective: EffectiveItem | None
    constraints: list[EffectiveItem]


class PreferencePreview(Out):
    """What a change would do, if it were saved: before, after, and the lines that differ.

    `applies` tells whether the scope bears on them at all.
    """

    task_id: uuid.UUID | None
    project_id: uuid.UUID | None
    user_id: uuid.UUID
    applies: bool
    before: PreviewState
    after: PreviewState
    diff: list[str]
