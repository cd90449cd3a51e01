"""Sandboxes made by bubblewrap from Linux namespaces: no daemon, no privileges, a few milliseconds."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from gateway.adapters.sandboxes import process_tree, syscalls
from gateway.adapters.sandboxes.base import (
    Attachment,
    Availability,
    Command,
    Limit,
    Limits,
    Outcome,
    OutputSink,
    Sandbox,
    SandboxError,
    Stream,
)
from gateway.adapters.sandboxes.bubblewrap_process import Box
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.adapters.sandboxes.unprivileged import STARTER
from gateway.adapters.sandboxes.workspace import prepare, remove


class Bubblewrap(Sandbox):
    """Runs each command in namespaces of its own, as an unprivileged user whoever we are."""

    kind: ClassVar[str] = "bubblewrap"

    @classmethod
    async def available(cls) -> Availability:
        """See Sandbox.available."""
        if sys.platform != "linux":
            return Availability(False, "Bubblewrap needs Linux.", "Run a node on a Linux machine.")
        if not shutil.which("bwrap"):
            return Availability(False, "Bubblewrap is not installed.", "Install the package `bubblewrap`.")
        if not syscalls.supported() or not process_tree.can_be_read():
            return Availability(
                False,
                "The sandbox does not know this processor, or the kernel hides the children of a process.",
                "Run a node on an x86-64 or ARM64 machine whose kernel has CONFIG_PROC_CHILDREN.",
            )
        with tempfile.TemporaryDirectory() as folder:
            workspace = prepare(Path(folder), "available")
            try:
                outcome = await cls().run(workspace, Command(["true"]), Limits(wall_s=10), _ignore)
            except SandboxError as error:
                return Availability(
                    False, str(error), "Allow unprivileged user namespaces, and use bubblewrap 0.8 or newer."
                )
            finally:
                remove(workspace)
        if outcome.exit_code != 0:
            return Availability(False, f"A first command failed: {outcome}.", "Look at the system's log.")
        return Availability(True)

    async def run(
        self, workspace: Path, command: Command, limits: Limits, on_output: OutputSink,
        attach: Callable[[Attachment], None] | None = None,
    ) -> Outcome:  # fmt: skip
        """See Sandbox.run."""
        started_at = datetime.now(UTC)
        limit_hit: Limit | None = None
        started: list[Box] = []

        async def start() -> None:
            loop = asyncio.get_running_loop()
            started.append(await loop.run_in_executor(STARTER, Box, workspace, command, limits))

        try:
            await uninterrupted(start())
            (box,) = started
            await box.ready()
            await box.tie()
            box.connect(command.stdin or b"", limits.output_bytes, on_output, stays_open=attach is not None)
            if attach is not None:
                attach(box)
            limit_hit = await box.watch(limits)
        finally:
            for box in started:
                await uninterrupted(box.end())
        truncated = frozenset(stream for stream, task in box.outputs.items() if task.result())
        exit_code, ended_by, limit_hit = _ending(box.process.returncode, limit_hit)
        return Outcome(exit_code, ended_by, limit_hit, truncated, started_at, datetime.now(UTC))


def _ignore(stream: Stream, chunk: bytes) -> None:
    """Take output that nobody asked for."""


def _ending(code: int, limit_hit: Limit | None) -> tuple[int | None, int | None, Limit | None]:
    """Return (exit code, signal, limit) from bubblewrap's own exit code, which follows the shell."""
    if limit_hit:
        return None, signal.SIGKILL, limit_hit
    if code < 0:  # somebody killed bubblewrap itself
        return None, -code, None
    ended_by = code - 128 if 128 < code <= 128 + signal.SIGRTMAX else None
    by_kernel: dict[int, Limit] = {signal.SIGXCPU: "cpu", signal.SIGXFSZ: "file_size"}
    return code, ended_by, by_kernel.get(ended_by or 0)
