"""Projects on the wire."""

import uuid
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from gateway.core.schemas import In, PageQuery, Shape, Versioned
from gateway.features.settings.known import zone_problem

Days = Annotated[int, Field(ge=1, le=36_500, description="days; null keeps them")] | None


def _zone(name: str) -> str:
    if problem := zone_problem(name):
        raise ValueError(problem)
    return name


Slug = Annotated[
    str,
    Shape(r"^[a-z0-9][a-z0-9-]{0,62}$", "up to 63 lower-case letters, digits and dashes, such as night-reports"),
    Field(description="lower-case letters, digits and dashes; unique"),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=10_000)]
Zone = Annotated[str, Field(max_length=100, description="IANA name, such as Europe/Berlin"), AfterValidator(_zone)]


class Retention(In):
    """How many days finished things of a project are kept, by sort; what is absent is kept."""

    tasks_days: Days = None
    artifacts_days: Days = None
    logs_days: Days = None
    transcripts_days: Days = None


class ProjectIn(In):
    """A new project of the caller's."""

    slug: Slug
    display_name: Name | None = None
    description: Description = ""
    is_active: bool = True
    time_zone: Zone | None = None
    retention: Retention = Retention()


class ProjectPatch(In):
    """What may change. `is_default` can only be given, not taken away: another project takes it over."""

    slug: Slug | None = None
    display_name: Name | None = None
    description: Description | None = None
    is_active: bool | None = None
    is_default: bool | None = None
    time_zone: Zone | None = None
    retention: Retention | None = None

    @model_validator(mode="after")
    def keep_what_every_project_has(self) -> "ProjectPatch":
        """A merge patch removes by null; these cannot be removed."""
        for name in ("slug", "display_name", "is_active", "is_default"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: a project always has one; leave it out to keep it")
        return self


class ProjectQuery(PageQuery):
    """Filters of the list; `q` searches slug, name and description."""

    is_active: bool | None = None
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ProjectOut(Versioned):
    """A project. `effective_time_zone` is its own, or what it inherits."""

    slug: str
    display_name: str
    description: str
    is_active: bool
    is_default: bool
    time_zone: str | None
    effective_time_zone: str
    retention: dict[str, Any]
    owner_id: uuid.UUID
