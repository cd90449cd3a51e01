"""Retention on the wire (docs/retention.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.core.schemas import In, Out, PageQuery, Versioned

ScopeType = Literal["system", "project"]
Sort = Annotated[str, Field(min_length=1, max_length=40, description="what it is about; GET retention names them")]
Age = Annotated[int, Field(ge=1, le=36_500, description="days; what has rested longer goes")] | None
Count = Annotated[int, Field(ge=0, le=10**12, description="so many of the newest are kept")] | None
Size = Annotated[int, Field(ge=0, le=10**18, description="so many bytes of the newest are kept")] | None

NOTHING = "give at least one limit: an age, a number or a size"
"""What is wrong with a policy that limits nothing, wherever such a policy is refused."""


class RetentionPolicyIn(In):
    """A policy: for a project, or without `scope_id` for all projects that have none of their own."""

    scope_type: ScopeType = "system"
    scope_id: uuid.UUID | None = None
    sort: Sort
    max_age_days: Age = None
    max_count: Count = None
    max_bytes: Size = None
    enabled: bool = True

    @model_validator(mode="after")
    def says_where_and_how_much(self) -> "RetentionPolicyIn":
        """A project where there is one, and at least one limit."""
        if (self.scope_id is None) != (self.scope_type == "system"):
            raise ValueError("scope_id: name the project; leave it out for system, which is all other projects")
        if self.max_age_days is None and self.max_count is None and self.max_bytes is None:
            raise ValueError(f"max_age_days: {NOTHING}")
        return self


class RetentionPolicyPatch(In):
    """New limits; null takes one away."""

    max_age_days: Age = None
    max_count: Count = None
    max_bytes: Size = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def stays_on_or_off(self) -> "RetentionPolicyPatch":
        """A merge patch removes by null; whether it is enabled cannot be removed."""
        if "enabled" in self.model_fields_set and self.enabled is None:
            raise ValueError("enabled: say true or false; leave it out to keep it")
        return self


class RetentionPolicyQuery(PageQuery):
    """Filters of the list; `kind` is the policies' `sort`, since every list is ordered by `?sort=`."""

    scope_type: ScopeType | None = None
    scope_id: uuid.UUID | None = None
    kind: Sort | None = None


class RetentionPolicyOut(Versioned):
    """A policy, with what it has purged until now."""

    scope_type: ScopeType
    scope_id: uuid.UUID | None
    sort: str
    max_age_days: int | None
    max_count: int | None
    max_bytes: int | None
    enabled: bool
    purged_count: int
    purged_bytes: int
    purged_at: datetime | None


class RetentionAmount(Out):
    """How many things, how many bytes of them, and from when to when they rest."""

    count: int
    bytes: int
    oldest_at: datetime | None
    newest_at: datetime | None


class RetentionExample(Out):
    """One of the things that would go."""

    id: uuid.UUID
    time: datetime
    bytes: int


class RetentionPreview(Out):
    """What a policy would purge if it were carried out now; `examples` are the oldest."""

    sort: str
    would_go: RetentionAmount
    examples: list[RetentionExample]


class RetentionPlace(In):
    """Whose things: a project's, or without it everybody's."""

    project_id: uuid.UUID | None = None


class RetentionSort(Out):
    """One sort: what is there, and what all policies together would purge of it now.

    `estimated`: there is so much that a part was looked at, and the figures are what follows for the whole.
    """

    sort: str
    title: str
    estimated: bool
    kept: RetentionAmount
    would_go: RetentionAmount


class RetentionOut(Out):
    """Every sort."""

    items: list[RetentionSort]
