"""What every kind of sandbox offers: run one command in a workspace, within limits, and leave nothing."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

MIB = 1024 * 1024
GIB = 1024 * MIB

Stream = Literal["stdout", "stderr"]
OutputSink = Callable[[Stream, bytes], Awaitable[None] | None]
"""Takes a piece of output; the program is held up while what it returns is awaited."""

Limit = Literal["time", "cpu", "memory", "file_size", "workspace"]


class SandboxError(Exception):
    """Work that could not be run. `permanent`: trying again on this machine gives the same answer."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class SandboxUnavailable(SandboxError):
    """This machine has no working sandbox; `remedy` says in one sentence how to get one."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}", permanent=True)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Availability:
    """Whether a kind works here; where it does not, why, and what to do about it."""

    ok: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Limits:
    """What one command may use. `output_bytes` (of each stream) cuts the output; most others end the command.

    Where the kernel counts each process alone (cpu_s, memory_bytes), the sum is held too. No more `processes`
    than that can be started, threads included. `scratch_bytes` is the size of each in-memory folder: /tmp,
    the home folder and /dev/shm.
    """

    wall_s: float = 3600
    cpu_s: int = 3600
    memory_bytes: int = 2 * GIB
    processes: int = 256
    file_size_bytes: int = 2 * GIB
    output_bytes: int = 1 * MIB
    workspace_bytes: int = 4 * GIB
    workspace_files: int = 100_000
    scratch_bytes: int = 256 * MIB


@dataclass(frozen=True)
class Command:
    """One program to run: `argv[0]` is looked up in the sandbox, `cwd` is a folder in it."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    cwd: str = "/workspace"
    stdin: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse what no program can be given. Raises ValueError."""
        if not self.argv or not self.argv[0]:
            raise ValueError("Name the program to run.")
        if any("\0" in text for text in (*self.argv, *self.env, *self.env.values(), self.cwd)):
            raise ValueError("Remove the NUL characters from the command, its environment and its folder.")
        if any(not name or "=" in name for name in self.env):
            raise ValueError("Give every environment variable a name without '='.")


@dataclass(frozen=True)
class Outcome:
    """How a command ended. `exit_code` follows the shell (128 + n: ended by signal n); None: we ended it.

    `limit_hit` names the limit that ended it. `truncated` names the streams that were cut.
    """

    exit_code: int | None
    signal: int | None
    limit_hit: Limit | None
    truncated: frozenset[Stream]
    started_at: datetime
    ended_at: datetime

    @property
    def timed_out(self) -> bool:
        """Whether it ran past `Limits.wall_s`."""
        return self.limit_hit == "time"


class Attachment(ABC):
    """What a running command can be told. Once it has ended, nothing of this has an effect."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Add to its standard input, which it takes as fast as it likes."""

    @abstractmethod
    def close_input(self) -> None:
        """Let it read the end of its standard input after what was written."""

    @abstractmethod
    def terminate(self) -> None:
        """Ask all its processes to end (SIGTERM); whether they do is theirs to say. Cancel `run` to end them."""

    @abstractmethod
    def reach(self, port: int) -> socket.socket:
        """Connect to a TCP port on its own loopback; blocks. Raises OSError when nobody listens, SandboxError."""


class Sandbox(ABC):
    """A kind of sandbox. Stateless: one instance may run any number of commands at once."""

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    async def available(cls) -> Availability:
        """Run one harmless command the way every other is run. Takes some 20 ms: keep the answer."""

    @abstractmethod
    async def run(
        self, workspace: Path, command: Command, limits: Limits, on_output: OutputSink,
        attach: Callable[[Attachment], None] | None = None,
    ) -> Outcome:  # fmt: skip
        """Run `command` with `workspace` (made by `workspace.prepare`) as its only writable host folder.

        `on_output(stream, chunk)` gets the bytes as they come, at most `limits.output_bytes` per stream. When
        this returns or raises, no process of the command is left. Cancelling kills it first, then raises.
        With `attach`, which is called once the command runs, its input stays open after `command.stdin`.
        Raises SandboxError when the command could not be started at all, ValueError for a missing workspace.
        """
