"""Background processes on the wire (docs/processes.md)."""

import re
import uuid
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.core.schemas import In, Out, PageQuery

LONGEST_GRACE_S = 60.0
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _environment(env: dict[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:40]!r} cannot be set; use letters, digits and underscores")
        if len(value) > 16_000:
            raise ValueError(f"the value of {name} is longer than 16000 characters")
    return env


class ProcessIn(In):
    """A shell command (bash) to run beside a run's own commands, in its workspace."""

    command: Annotated[str, Field(min_length=1, max_length=32_000)]
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    env: Annotated[dict[str, str], Field(max_length=100), AfterValidator(_environment)] = {}


class ProcessOut(Out):
    """A background process; `reason` says why it ended where it did not by itself."""

    id: uuid.UUID
    run_id: uuid.UUID
    task_id: uuid.UUID | None
    name: str
    command: str
    status: Literal["starting", "running", "exited", "terminated", "failed"]
    exit_code: int | None
    reason: str | None
    output_seq: int
    truncated: bool
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ProcessOutputQuery(PageQuery):
    """Which part of the output: after number `after`, of one stream or both."""

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    stream: Literal["stdout", "stderr"] | None = None


class ProcessOutputOut(Out):
    """A piece of output; `seq` counts from 1 within its process."""

    seq: int
    stream: Literal["stdout", "stderr"]
    time: datetime
    text: str


class ProcessInputIn(In):
    """What the process is to read; with `end` its input ends after it."""

    text: Annotated[str, Field(max_length=1_000_000)] = ""
    end: bool = False

    @model_validator(mode="after")
    def says_something(self) -> "ProcessInputIn":
        """Text, the end, or both."""
        if not self.text and not self.end:
            raise ValueError("text: write something, or say end")
        return self


class TerminateIn(In):
    """How long a process that is asked to end (SIGTERM) may take before it is killed (SIGKILL)."""

    may_be_absent: ClassVar[bool] = True

    grace_s: Annotated[float, Field(ge=0, le=LONGEST_GRACE_S)] = 5.0


class PortIn(In):
    """A TCP port on which a process listens in its sandbox."""

    port: Annotated[int, Field(ge=1, le=65535)]


class PortOut(Out):
    """A forwarded port; `address` is where it is reached on the node's machine, null until the node listens there."""

    port: int
    address: str | None
    created_by: str
    created_at: datetime


class PortList(Out):
    """The forwarded ports of a process, by number; there are never many."""

    items: list[PortOut]
