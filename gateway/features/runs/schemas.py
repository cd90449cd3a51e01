"""Runs, jobs and logs on the wire (docs/sessions.md)."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.core.schemas import In, Moment, Out, PageQuery, Shape

Status = Literal["pending", "running", "completed", "failed", "canceled"]

METADATA_LIMIT = 64_000
"""Characters of a run's metadata, and of an entry's data, as JSON."""


def _bounded(data: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(data)) > METADATA_LIMIT:
        raise ValueError(f"it holds at most {METADATA_LIMIT} characters")
    return data


Data = Annotated[dict[str, Any], Field(max_length=200), AfterValidator(_bounded)]
Stream = Annotated[
    str,
    Shape(r"^[a-z][a-z0-9_.-]{0,31}$", "up to 32 lower-case letters, digits, dots, _ and -, a letter first"),
    Field(
        description="`stdout`, `stderr`, `structured`, or a word of your own; `system` and `answer` are the gateway's",
    ),
]
OWN_STREAMS = ("system", "answer")
"""Streams that only the gateway and its nodes write."""


class ErrorOut(Out):
    """Why something failed: a stable code and a sentence."""

    code: str
    message: str


class JobOut(Out):
    """One dispatched unit of work. `model`: which was asked, once it has begun."""

    id: uuid.UUID
    run_id: uuid.UUID
    position: int
    kind: Literal["script", "command", "model"]
    command: str | None
    model: str | None
    status: Literal["queued", "running", "completed", "failed", "canceled", "skipped"]
    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool
    error: ErrorOut | None
    started_at: datetime | None
    ended_at: datetime | None


class RunOut(Out):
    """One attempt at some work. `traceparent` is what its own work is traced under; `log_cut` says that its log was
    longer than is kept, `task_name` is null for who may not read the task.
    """

    id: uuid.UUID
    kind: Literal["task", "agent", "external"]
    name: str | None
    task_id: uuid.UUID | None
    task_name: str | None = None
    session_id: uuid.UUID | None
    parent_run_id: uuid.UUID | None
    project_id: uuid.UUID | None
    owner_id: uuid.UUID
    node_id: uuid.UUID | None
    queue: str
    requires: dict[str, Any] | None
    attempt: int
    status: Status
    error: ErrorOut | None
    metadata: dict[str, Any] = Field(validation_alias="metadata_")
    traceparent: str
    lease_s: float | None
    log_cut: bool
    version: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunQuery(PageQuery):
    """Filters of the list. With a time of start, the list is in the order of it."""

    task_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    parent_run_id: uuid.UUID | None = None
    status: Status | None = None
    started_after: Moment | None = None
    started_before: Moment | None = None


class RunIn(In):
    """A run of a tool's own. Without `project_id` it lies where its session or parent does.

    With `lease_s` it ends as failed when nothing is heard of it for so many seconds: no change, no log.
    """

    may_be_absent = True

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    status: Literal["pending", "running"] = "running"
    session_id: uuid.UUID | None = None
    parent_run_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    metadata: Data = {}
    lease_s: Annotated[float, Field(ge=5, le=7 * 24 * 3600)] | None = None


class RunError(In):
    """Why a run failed."""

    code: Annotated[str, Shape("^[a-z][a-z0-9_]{0,63}$", "a word such as out_of_memory")] = "failed"
    message: Annotated[str, Field(min_length=1, max_length=4000)]


class RunPatch(In):
    """What may change of a tool's own run; `metadata` is merged, and `error` goes with `failed`.

    One without any field only says that the run is still there.
    """

    status: Status | None = None
    metadata: Data | None = None
    error: RunError | None = None

    @model_validator(mode="after")
    def an_error_fails(self) -> "RunPatch":
        """An error belongs to a run that failed."""
        if self.error is not None and self.status != "failed":
            raise ValueError("error: send it with the status failed")
        return self


class LogOut(Out):
    """A piece of a log; `seq` counts from 1 within its run."""

    seq: int
    run_id: uuid.UUID
    job_id: uuid.UUID | None
    stream: str
    time: datetime
    message: str
    data: dict[str, Any] | None


class LogQuery(PageQuery):
    """Which part of a log. A page that filters looks at a bounded stretch: it may be short, and still have a next one.

    `tail` is the last `limit` entries, `before_seq` the `limit` before that one: neither can be combined with a cursor
    or another filter. `after_seq` begins after that one.
    """

    stream: Stream | None = None
    written_after: Moment | None = None
    written_before: Moment | None = None
    q: Annotated[str, Field(min_length=1, max_length=200, description="to find, in any case")] | None = None
    tail: bool = False
    before_seq: Annotated[int, Field(ge=1, le=2**62)] | None = None
    after_seq: Annotated[int, Field(ge=0, le=2**62)] = 0

    @model_validator(mode="after")
    def one_way_to_read(self) -> "LogQuery":
        """From the end or from a cursor, not both."""
        backwards = self.tail or self.before_seq is not None
        if backwards and (self.cursor or self.narrows):
            raise ValueError("tail: it goes without a cursor and without filters")
        if (backwards or self.narrows) and (self.sort or self.count):
            raise ValueError("sort, count: they go without filters and without tail")
        return self

    @property
    def narrows(self) -> bool:
        """Whether entries are left out."""
        return any(part is not None for part in (self.stream, self.written_after, self.written_before, self.q))


class RunStreamQuery(In):
    """Where a live log begins: after entry `since`, or with the last `tail` entries; else with the first."""

    since: Annotated[int, Field(ge=0, le=2**62)] | None = None
    tail: Annotated[int, Field(ge=0, le=10_000)] | None = None


class LogEntryIn(In):
    """A piece of a log; `time` is when it was sent where it is absent."""

    stream: Stream = "stdout"
    message: Annotated[str, Field(max_length=64_000)]
    time: Moment | None = None
    data: Data | None = None


class LogIn(In):
    """Pieces of a log in their order."""

    entries: Annotated[list[LogEntryIn], Field(min_length=1, max_length=1000)]


class LogAppended(Out):
    """What was kept: entries `first_seq` to `last_seq`. Those `dropped` came after the log had grown to its limit."""

    first_seq: int | None
    last_seq: int
    stored: int
    dropped: int
    cut: bool


class Depth(Out):
    """How many runs wait or run."""

    by_state: dict[str, int]
    by_queue: dict[str, int]
    by_node: dict[str, int]


class BackgroundJobs(Out):
    """What nodes do beside runs, by the kind of work. `lost`: the node is gone; it is begun anew, thrice at most."""

    name: str
    waiting: int
    running: int
    lost: int


class QueueDepth(Out):
    """Open runs; `oldest_age_s` is the age of the longest-waiting one."""

    depth: Depth
    oldest_age_s: float | None


class QueueHistoryQuery(In):
    """How far back to look."""

    minutes: Annotated[int, Field(ge=1, le=10080)] = 1440


class QueueMoment(Out):
    """One step of time: the most runs that waited and that ran at once, and the longest that any had waited in it."""

    time: datetime
    waiting: int
    running: int
    longest_wait_s: float | None


class QueueHistoryOut(Out):
    """The queue over time, oldest first, worked out of the runs that are still there."""

    step_s: float
    items: list[QueueMoment]
