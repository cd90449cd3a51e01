"""The wire's common shapes: strict input, RFC 3339 times with Z, pages."""

import math
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")

DEEPEST = 64
"""Levels of nesting that a body may have."""


class In(BaseModel):
    """A request's body or query: unknown fields are refused, so that a misspelt filter is no silent no-op."""

    model_config = ConfigDict(extra="forbid", defer_build=True)  # a process uses few of its hundreds of models

    may_be_absent: ClassVar[bool] = False
    """Whether a request without any body means one without fields."""

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """The JSON Schema; without options the same object each time, not to be changed.

        flask-openapi3 asks for a query's with each request, which took longer than to check what was sent.
        """
        return super().model_json_schema(*args, **options) if args or options else _schema_of(cls)

    @model_validator(mode="before")
    @classmethod
    def only_what_can_be_stored(cls, data: Any) -> Any:
        """PostgreSQL cannot hold U+0000, lone surrogates, NaN and infinity; say so instead of failing later."""
        if data is None and cls.may_be_absent:
            return {}
        waiting = [(data, 0)]
        while waiting:
            value, depth = waiting.pop()
            if depth > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} levels deep")
            if isinstance(value, dict):
                waiting += [(item, depth + 1) for pair in value.items() for item in pair]
            elif isinstance(value, list):
                waiting += [(item, depth + 1) for item in value]
            else:
                _check_plain(value)
        return data


@cache
def _schema_of(model: type[In]) -> dict[str, Any]:
    return super(In, model).model_json_schema()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text has to look like: `pattern` tells programs, `words` whoever sent another one."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"it must be {self.words}")
        return text


class Out(BaseModel):
    """A response: built from rows or plain values."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)


class Versioned(Out):
    """A mutable resource: `version` counts its changes and begins its ETag."""

    id: uuid.UUID
    version: int
    created_at: datetime
    updated_at: datetime


FieldNames = Annotated[
    str,
    Field(max_length=2000, description="the fields of each item, by commas"),
    Shape(r"^\w+(,\w+)*$", "names of fields with commas between them, such as id,status"),
]
Order = Annotated[
    str, Shape(r"^-?[a-z_]{1,40}$", "the name of a field, with - before it for the last first, such as -created_at")
]


class PageQuery(In):
    """How a list is paged (docs/api.md)."""

    limit: Annotated[int, Field(ge=1, le=200, description="items a page")] = 50
    cursor: Annotated[
        Annotated[str, Field(max_length=400)] | None,
        BeforeValidator(lambda sent: sent or None),  # so some HTTP clients write that there is none
        Field(description="`next_cursor` of the page before; empty for the first"),
    ] = None
    fields: FieldNames | None = None
    sort: Annotated[Order | None, Field(description="`created_at`, or `-created_at` for newest first")] = None
    count: Annotated[bool, Field(description="whether to tell how many there are, up to 10,000")] = False

    def filters(self) -> dict[str, Any]:
        """What is asked for, without how it is paged."""
        return self.model_dump(exclude=set(PageQuery.model_fields))


class Page(Out, Generic[T]):
    """One page; `next_cursor` is null on the last. `count` is there when it was asked for; 10,000 may be more."""

    items: list[T]
    next_cursor: str | None
    count: int | None = None


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


def _in_utc(moment: datetime) -> datetime:
    if 1970 <= moment.year <= 9000 and (in_utc := moment.astimezone(UTC)).year >= 1970:
        return in_utc
    raise ValueError("the year must lie between 1970 and 9000")


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time: sent with any offset, answered in UTC."""


def _check_plain(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinity cannot be stored; send a finite number")
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("the character U+0000 cannot be stored; leave it out")
    if isinstance(value, str) and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("half of a surrogate pair is no character; send whole ones")
