"""Tasks on the wire (docs/tasks.md)."""

import re
import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.core.clock import now
from gateway.core.schemas import In, Moment, Out, PageQuery, Shape, Versioned
from gateway.features.nodes.schemas import Requires
from gateway.features.runs.schemas import LogQuery

Status = Literal["queued", "waiting", "running", "completed", "failed", "canceled"]
Kind = Literal["prompt", "script", "commands"]

TEXT_LIMIT = 1_000_000
HOUR = timedelta(hours=1)
MOST_HOURS = timedelta(days=7)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SECRET_NAME = re.compile(r"SECRET|PASSW|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL", re.IGNORECASE)
_RESERVED_ENV = frozenset({"WORKSPACE", "HOME", "PATH", "LD_PRELOAD", "LD_LIBRARY_PATH"})

Tag = Annotated[str, Field(min_length=1, max_length=64), Shape(r"^[^\s,]+$", "a word without spaces and commas")]
Interpreter = Annotated[
    str, Shape(r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$", "the name of a program, such as bash or python3, without a path")
]
Tags = Annotated[list[Tag], Field(max_length=32)]
Criteria = Annotated[list[Annotated[str, Field(min_length=1, max_length=2000)]], Field(max_length=50)]
Command = Annotated[str, Field(min_length=1, max_length=32_000)]


def _environment(env: dict[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not _ENV_NAME.fullmatch(name) or name in _RESERVED_ENV:
            raise ValueError(f"{name[:40]!r} cannot be set; use letters, digits and underscores")
        if _SECRET_NAME.search(name):
            raise ValueError(f"{name} looks like a secret; secrets do not belong into a task's environment")
        if len(value) > 16_000:
            raise ValueError(f"the value of {name} is longer than 16000 characters")
    return env


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


Environment = Annotated[dict[str, str], Field(max_length=100), AfterValidator(_environment)]
Ids = Annotated[list[uuid.UUID], Field(max_length=100), AfterValidator(_distinct)]


class Script(In):
    """A script: its text, or an artifact that holds it, and what interprets it."""

    content: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)] | None = None
    artifact_id: uuid.UUID | None = None
    interpreter: Interpreter = "bash"
    args: Annotated[list[Annotated[str, Field(max_length=16_000)]], Field(max_length=100)] = []

    @model_validator(mode="after")
    def one_source(self) -> "Script":
        """Text or artifact, not both and not neither."""
        if (self.content is None) == (self.artifact_id is None):
            raise ValueError("give content or artifact_id")
        return self


class TaskIn(In):
    """A new task: exactly one of `prompt`, `script`, `commands`."""

    prompt: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)] | None = None
    script: Script | None = None
    commands: Annotated[list[Command], Field(min_length=1, max_length=100)] | None = None
    continue_on_error: bool = False
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    acceptance_criteria: Criteria = []
    attachments: Ids = []
    project_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    tags: Annotated[Tags, AfterValidator(_distinct)] = []
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    timeout_s: Annotated[float, Field(gt=0, le=7 * 24 * 3600)] | None = None
    depends_on: Ids = []
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    network: bool = False
    requires: Requires | None = None
    env: Environment = {}
    metadata: Annotated[dict[str, Any], Field(max_length=100)] = {}

    @model_validator(mode="after")
    def one_input(self) -> "TaskIn":
        """Exactly one kind of input."""
        given = [name for name in ("prompt", "script", "commands") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of prompt, script and commands, not {len(given)}")
        if self.prompt is not None and not self.prompt.strip():
            raise ValueError("prompt: write what is to be done")
        return self


class TaskPatch(In):
    """What may change while a task is not finished."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    tags: Annotated[Tags, AfterValidator(_distinct)] | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    acceptance_criteria: Criteria | None = None


class TaskErrorOut(Out):
    """Why a task did not complete: a stable code and a sentence."""

    code: str
    message: str


class TaskItem(Versioned):
    """A task in a list: everything but the large inputs."""

    name: str
    kind: Kind
    status: Status
    summary: str
    project_id: uuid.UUID
    session_id: uuid.UUID | None
    owner_id: uuid.UUID
    continue_on_error: bool
    acceptance_criteria: list[str]
    tags: list[str]
    priority: int
    timeout_s: float
    model: str | None
    network: bool
    requires: Requires | None
    run_id: uuid.UUID | None
    attempts: int
    exit_code: int | None
    error: TaskErrorOut | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None = Field(description="from its start to its end")


class TaskOut(TaskItem):
    """A task with its inputs."""

    prompt: str | None
    script: Script | None
    commands: list[str] | None
    env: dict[str, str]
    metadata: dict[str, Any]
    attachments: list[uuid.UUID]
    depends_on: list[uuid.UUID]
    dependents: list[uuid.UUID]


class TaskQuery(PageQuery):
    """Filters of the list; `q` finds words in name and input."""

    status: Status | None = None
    project_id: uuid.UUID | None = None
    tag: Tag | None = None
    session_id: uuid.UUID | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    q: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class HoursQuery(In):
    """From the hour of `after` to that of `before`, a week at most; by itself the last 24, the present one included."""

    after: Moment = Field(default_factory=lambda: now() - 23 * HOUR)
    before: Moment = Field(default_factory=now)

    @model_validator(mode="after")
    def not_too_long(self) -> "HoursQuery":
        """An end that is not before the start, and not far after."""
        if not timedelta(0) <= self.before - self.after <= MOST_HOURS:
            raise ValueError(f"before: give a time not before after, and {MOST_HOURS.days} days later at most")
        return self


class HourOut(Out):
    """One hour of UTC, by its beginning: how many of the tasks made in it have which status now."""

    time: datetime
    by_status: dict[Status, int]


class HoursOut(Out):
    """Every hour that was asked for, oldest first."""

    items: list[HourOut]


class JobResult(Out):
    """What one unit of work did. `model`: which was asked, once it has begun."""

    id: uuid.UUID
    kind: Literal["script", "command", "model"]
    command: str | None
    model: str | None
    status: Literal["queued", "running", "completed", "failed", "canceled", "skipped"]
    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool
    started_at: datetime | None
    ended_at: datetime | None


class ArtifactRef(Out):
    """A file that the last run produced."""

    id: uuid.UUID
    filename: str
    media_type: str
    size: int
    sha256: str


class ResultOut(Out):
    """The outcome of the last run."""

    task_id: uuid.UUID
    run_id: uuid.UUID | None
    status: Status
    exit_code: int | None
    output: str | None
    error: TaskErrorOut | None
    jobs: list[JobResult]
    artifacts: list[ArtifactRef]
    verification: dict[str, Any] | None = None


class ChangeOut(Out):
    """One change of status."""

    id: uuid.UUID
    time: datetime
    before: Status | None
    after: Status
    actor: str
    reason: str
    run_id: uuid.UUID | None


class RunFilter(LogQuery):
    """Which run's log; the last one when absent."""

    run_id: uuid.UUID | None = None
