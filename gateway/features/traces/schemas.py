"""Why runs happened, and how two of them compare, on the wire."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from gateway.core.schemas import In, Out


class TraceNode(Out):
    """A thing of the graph; of one that the caller may not see, or that is gone, only `kind` and `id` are told."""

    kind: str
    id: uuid.UUID
    title: str | None
    status: str | None
    time: datetime | None
    ended_at: datetime | None
    by: str | None
    purged_at: datetime | None = None


class TraceEdge(Out):
    """An effect and its cause, each a kind and an id."""

    cause_kind: str
    cause_id: uuid.UUID
    effect_kind: str
    effect_id: uuid.UUID
    reason: str


class TraceOut(Out):
    """The graph around a run, causes before effects; `is_cut`: there is more than is shown."""

    run_id: uuid.UUID
    nodes: list[TraceNode]
    edges: list[TraceEdge]
    is_cut: bool


class CompareQuery(In):
    """The run to compare with."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    other: uuid.UUID = Field(alias="with")


class ComparedJob(Out):
    """One unit of work of a run."""

    command: str | None
    status: str
    exit_code: int | None
    seconds: float | None


class ComparedFile(Out):
    """A file of both runs, or of one: sizes and hashes are null where it is not."""

    filename: str
    left_id: uuid.UUID | None
    right_id: uuid.UUID | None
    left_size: int | None
    right_size: int | None
    is_same: bool


class ComparedRun(Out):
    """One side."""

    run_id: uuid.UUID
    task_id: uuid.UUID | None
    task_name: str | None
    status: str
    error: dict[str, Any] | None
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    jobs: list[ComparedJob]


class ComparedText(Out):
    """A text of both sides; `diff` is a unified one, null where they are the same or too long for one."""

    name: str
    left: str
    right: str
    is_same: bool
    is_cut: bool
    diff: str | None


class Comparison(Out):
    """Two runs side by side; `inputs` names the task's fields that differ."""

    left: ComparedRun
    right: ComparedRun
    inputs: list[str]
    texts: list[ComparedText]
    artifacts: list[ComparedFile]
