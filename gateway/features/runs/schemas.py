"""Runs, jobs and logs on the wire (contract "Runs and sessions")."""

import uuid
from datetime import datetime
from typing import Any, Literal

from gateway.core.schemas import Moment, Out, PageQuery


class ErrorOut(Out):
    """Why something failed: a stable code and a sentence."""

    code: str
    message: str


class JobOut(Out):
    """One dispatched unit of work."""

    id: uuid.UUID
    run_id: uuid.UUID
    position: int
    kind: Literal["script", "command", "model"]
    command: str | None
    status: Literal["queued", "running", "completed", "failed", "canceled", "skipped"]
    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool
    error: ErrorOut | None
    started_at: datetime | None
    ended_at: datetime | None


class RunOut(Out):
    """One attempt."""

    id: uuid.UUID
    task_id: uuid.UUID | None
    session_id: uuid.UUID | None
    parent_run_id: uuid.UUID | None
    project_id: uuid.UUID | None
    node_id: uuid.UUID | None
    attempt: int
    status: Literal["pending", "running", "completed", "failed", "canceled"]
    error: ErrorOut | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunQuery(PageQuery):
    """Filters of the list."""

    task_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    parent_run_id: uuid.UUID | None = None
    status: Literal["pending", "running", "completed", "failed", "canceled"] | None = None
    started_after: Moment | None = None
    started_before: Moment | None = None


class LogOut(Out):
    """A piece of a log; `seq` counts from 1 within its run."""

    seq: int
    run_id: uuid.UUID
    job_id: uuid.UUID | None
    stream: Literal["stdout", "stderr", "system", "answer"]
    time: datetime
    message: str


class LogQuery(PageQuery):
    """Which part of a log."""

    stream: Literal["stdout", "stderr", "system", "answer"] | None = None


class Depth(Out):
    """How many runs wait or run."""

    by_state: dict[str, int]
    by_queue: dict[str, int]
    by_node: dict[str, int]


class QueueOut(Out):
    """The queue at a glance; `oldest_age_s` is the age of the longest-waiting run."""

    depth: Depth
    oldest_age_s: float | None
    schedules: dict[str, Any]
