"""The wire's common shapes: strict input, RFC 3339 times with Z, pages."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")


class In(BaseModel):
    """A request's body or query: unknown fields are refused, so that a misspelt filter is no silent no-op."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def no_nul_characters(cls, data: Any) -> Any:
        """PostgreSQL's text cannot hold U+0000; say so instead of failing later."""
        if _holds_nul(data):
            raise ValueError("the character U+0000 cannot be stored; leave it out")
        return data


class Out(BaseModel):
    """A response: built from rows or plain values."""

    model_config = ConfigDict(from_attributes=True)


class Versioned(Out):
    """A mutable resource: `version` counts its changes and is its ETag."""

    id: uuid.UUID
    version: int
    created_at: datetime
    updated_at: datetime


class PageQuery(In):
    """How a list is paged (contract "HTTP conventions")."""

    limit: Annotated[int, Field(ge=1, le=200, description="items a page")] = 50
    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before")] = None


class Page(Out, Generic[T]):
    """One page; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None


class IdPath(In):
    """The `{id}` of a path."""

    id: uuid.UUID


class Problem(BaseModel):
    """An error (RFC 9457) with a stable snake_case `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, str]] | None = None


def _in_range(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 9000:
        raise ValueError("the year must lie between 1970 and 9000")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]
"""A point in time with its UTC offset."""


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_holds_nul(item) for item in value)
    return False
