"""Groups and their members on the wire (docs/access.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from gateway.core.schemas import In, Out, PageQuery, Versioned

from .schemas import Description, Name, Words

ExternalId = Annotated[str, Field(min_length=1, max_length=200)]


class GroupIn(In):
    """A new group."""

    name: Name
    description: Description = ""
    external_id: ExternalId | None = None
    is_active: bool = True


class GroupPatch(In):
    """Changes to a group."""

    name: Name | None = None
    description: Description | None = None
    external_id: ExternalId | None = None
    is_active: bool | None = None


class GroupOut(Versioned):
    """A group."""

    name: str
    description: str
    external_id: str | None
    is_active: bool


class MemberIn(In):
    """A user to add."""

    user_id: uuid.UUID
    external_id: ExternalId | None = None
    is_active: bool = True


class MemberPatch(In):
    """Enables or disables a member, or gives them another external id."""

    is_active: bool | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="before")
    @classmethod
    def short_name(cls, data: Any) -> Any:
        """Takes `active` as well."""
        if isinstance(data, dict) and "active" in data and "is_active" not in data:
            data = {**data, "is_active": data["active"]}
            del data["active"]
        return data


class MemberOut(Out):
    """A user in a group."""

    group_id: uuid.UUID
    user_id: uuid.UUID
    handle: str
    display_name: str
    external_id: str | None
    is_active: bool
    added_at: datetime


class GroupQuery(PageQuery):
    """Filters of the groups."""

    q: Words | None = None
    external_id: ExternalId | None = None


class MemberQuery(PageQuery):
    """Filters of a group's members."""

    external_id: ExternalId | None = None


class MemberPath(In):
    """A group and one of its members."""

    id: uuid.UUID
    user_id: uuid.UUID
