"""Nodes on the wire (docs/nodes.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.core.schemas import In, Out

State = Literal["online", "draining", "drained", "disabled", "offline"]

Label = Annotated[str, Field(min_length=1, max_length=100)]


class Requires(In):
    """What a node must have to be given the task; the task waits until one has all of it.

    Besides its own, each node has the labels `name`, `host`, `os` and `arch`.
    """

    labels: Annotated[dict[Label, Label], Field(max_length=20)] = {}
    sandbox: Annotated[str, Field(min_length=1, max_length=50, description="a kind, such as bubblewrap")] | None = None
    models: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=10, description="PROVIDER/MODEL")
    ] = []
    cpus: Annotated[int, Field(ge=1, le=10_000)] | None = None
    memory_bytes: Annotated[int, Field(ge=1, le=2**53)] | None = None
    gpu: bool = False


class NodeOut(Out):
    """A node with its state as of its last heartbeat; one that is offline keeps the `admission` ordered of it."""

    id: uuid.UUID
    name: str
    host: str
    state: State
    admission: Literal["open", "draining", "drained", "disabled"]
    labels: dict[str, Any]
    capabilities: dict[str, Any]
    concurrency: int
    running: int
    load: dict[str, Any]
    started_at: datetime
    heartbeat_at: datetime
    lost_at: datetime | None


class LoadQuery(In):
    """How far back to look."""

    minutes: Annotated[int, Field(ge=1, le=1440)] = 60


class Sample(Out):
    """A node's mean load in one step of time."""

    time: datetime
    cpu_percent: float
    memory_percent: float
    running: float


class LoadOut(Out):
    """A node's load, oldest first; times without a sample are left out."""

    step_s: float
    items: list[Sample]


class Candidate(Out):
    """A node that is online, and whether it would take the run."""

    node_id: uuid.UUID
    name: str
    fits: bool
    free: bool
    reasons: list[str]


class PlacementOut(Out):
    """Where a job runs or would run, and why."""

    job_id: uuid.UUID
    run_id: uuid.UUID
    run_status: Literal["pending", "running", "completed", "failed", "canceled"]
    queue: str
    requires: Requires | None
    node_id: uuid.UUID | None
    node: str | None
    explanation: str
    candidates: list[Candidate]
