"""Sessions and transcripts on the wire (docs/sessions.md)."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.core.schemas import In, Out, PageQuery, Shape, Versioned

CONTENT_LIMIT = 512_000
"""Characters of one segment, as JSON."""


def _bounded(content: Any) -> Any:
    if len(json.dumps(content, ensure_ascii=False)) > CONTENT_LIMIT:
        raise ValueError(f"a segment holds at most {CONTENT_LIMIT} characters; send several")
    return content


Title = Annotated[str, Field(min_length=1, max_length=200)]
Content = Annotated[str | dict[str, Any] | list[Any], AfterValidator(_bounded)]
Kind = Annotated[
    str,
    Shape(r"^[a-z][a-z0-9_]{0,31}$", "up to 32 lower-case letters, digits and _, a letter first"),
    Field(
        description="`summary`, `redacted`, `audit`, or a word of your own; all but `audit` are kept without secrets",
    ),
]


class SubSessionIn(In):
    """A new session below another one; without `project_id` in the project of that one."""

    may_be_absent = True

    title: Title | None = None
    project_id: uuid.UUID | None = None


class WorkSessionIn(SubSessionIn):
    """A new session of the caller's."""

    parent_session_id: uuid.UUID | None = None


class WorkSessionPatch(In):
    """What may change; `parent_session_id` null puts the session at the top."""

    title: Title | None = None
    parent_session_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def keep_what_every_session_has(self) -> "WorkSessionPatch":
        """A merge patch removes by null; these cannot be removed."""
        for name in ("title", "project_id"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: a session always has one; leave it out to keep it")
        return self


class SessionQuery(PageQuery):
    """Filters of the list; `top` leaves out what lies below another session, `q` finds words of titles."""

    project_id: uuid.UUID | None = None
    parent_session_id: uuid.UUID | None = None
    status: Literal["open", "closed"] | None = None
    top: bool = False
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class WorkSessionOut(Versioned):
    """A session; a closed one takes in nothing new."""

    title: str
    status: Literal["open", "closed"]
    closed_at: datetime | None
    parent_session_id: uuid.UUID | None
    project_id: uuid.UUID
    owner_id: uuid.UUID


class SegmentRetention(In):
    """How long a segment is kept; without `days` for as long as what it belongs to."""

    days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class SegmentIn(In):
    """A new segment of a transcript."""

    kind: Kind
    content: Content
    retention: SegmentRetention = SegmentRetention()


class SegmentOut(Out):
    """A segment. `redactions` counts the secrets taken out, by kind; `expires_at` is when the segment goes."""

    id: uuid.UUID
    session_id: uuid.UUID | None
    run_id: uuid.UUID | None
    kind: str
    content: Any
    retention: dict[str, int | None]
    redactions: dict[str, int]
    created_by: str
    created_at: datetime
    expires_at: datetime | None


class TranscriptQuery(PageQuery):
    """Which segments; `audit` ones are shown only when they are asked for by `kind`. `tail`: the last of them."""

    kind: Kind | None = None
    tail: bool = False
