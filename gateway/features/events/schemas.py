"""Events on the wire (docs/events.md)."""

import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gateway.core.schemas import In, Out, PageQuery

PATTERN = re.compile(r"[a-z0-9_*]+(\.[a-z0-9_*]+)*")


def _pattern(value: str) -> str:
    if not PATTERN.fullmatch(value):
        raise ValueError("use dotted names, where * stands for one part and ** for any number: task.*")
    return value


EventPattern = Annotated[str, Field(max_length=120), AfterValidator(_pattern)]


class EventOut(Out):
    """One thing that happened; `seq` has no gaps in the log as a whole."""

    seq: int
    id: uuid.UUID
    name: str
    time: datetime
    actor: str
    task_id: uuid.UUID | None
    run_id: uuid.UUID | None
    project_id: uuid.UUID | None
    tags: list[str]
    data: dict[str, Any]


class EventSort(Out):
    """One sort of event: when it happens, how grave it is, JSON Schema of its `data`, and an example of it all."""

    name: str
    summary: str
    severity: Literal["info", "warning", "error"]
    data_schema: dict[str, Any]
    example: dict[str, Any]


class EventCatalogue(Out):
    """All events there are, and the JSON Schema of what is the same in all of them."""

    event_schema: dict[str, Any]
    items: list[EventSort]


class EventQuery(PageQuery):
    """Filters of the list; `since` is exclusive."""

    since: Annotated[int, Field(ge=0, lt=2**63)] = 0
    name: EventPattern | None = None
    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None


class StreamQuery(In):
    """What a stream carries; without `since` and Last-Event-ID it starts now."""

    name: EventPattern | None = None
    since: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None


class Filter(In):
    """What a subscriber wants of the events that its patterns match."""

    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    tags: Annotated[list[str], Field(max_length=50)] = []


class Subscribe(In):
    """What a client of the WebSocket wants; each replaces the one before."""

    subscribe: Annotated[list[EventPattern], Field(min_length=1, max_length=50)]
    since: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    filter: Filter = Filter()


class Ping(In):
    """Asks a WebSocket for a sign of life: a page in a browser sees nothing of the protocol's own."""

    ping: Literal[True]
