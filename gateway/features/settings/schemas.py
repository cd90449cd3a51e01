"""Settings on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.core.schemas import In, Out, PageQuery


class SettingOut(Out):
    """A setting with where its value comes from. `version` is 0 while it was never changed."""

    key: str
    value: int | float | str | bool | dict[str, Any]
    default: int | float | str | bool | dict[str, Any]
    source: Literal["default", "database", "configuration"]
    type: Literal["integer", "number", "string", "boolean", "object"]
    minimum: float | None
    maximum: float | None
    description: str
    needs_restart: bool
    version: int
    updated_at: datetime | None
    updated_by: str | None


class SettingPath(In):
    """The key in a path."""

    key: Annotated[str, Field(max_length=100)]


class SettingIn(In):
    """A new value; `expected_version` refuses to replace what somebody else has changed meanwhile."""

    value: Any
    expected_version: Annotated[int, Field(ge=0)] | None = None


class SettingQuery(PageQuery):
    """The list, in the order of the keys."""

    key_prefix: Annotated[str | None, Field(max_length=100)] = None
