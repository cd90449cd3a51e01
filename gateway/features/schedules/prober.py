"""Tries the commands of triggers in the node's sandbox."""

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.adapters.sandboxes import workspace
from gateway.adapters.sandboxes.base import Command, Limits, Outcome, SandboxError
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.core.clock import now

from . import service_probing as probing
from .service_probing import Probe

if TYPE_CHECKING:
    from gateway.node.node import Node

AT_ONCE = 4
"""Commands that a node tries at the same time, beside its tasks."""

OUTPUT_BYTES = 65_536

TIMED_OUT, KILLED = 124, 137
"""Exit codes of what we ended, as timeout(1) and shells have them."""

FOLDER = "probe-"
LEFT_AFTER_S = 3600.0


class Prober:
    """One node's part in trying commands."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._at_work: set[asyncio.Task[None]] = set()
        self._swept = False

    async def look(self) -> None:
        """Begins what is to be tried now, as far as there is room."""
        if not self._swept:
            await asyncio.to_thread(self._sweep)
            self._swept = True
        room = AT_ONCE - len(self._at_work)
        if room <= 0 or self._node.stopping:
            return
        for probe in await self._node.unit(lambda work: probing.take(work, self._node.id, room)):
            task = asyncio.create_task(self._try(probe))
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)

    async def _try(self, probe: Probe) -> None:
        began = now()
        try:
            outcome = await self._run(probe)
        except (SandboxError, OSError, ValueError) as error:
            problem = f"It could not be tried: {error}"
            await self._node.unit(lambda work: probing.report_problem(work, probe, problem))
            return
        code = outcome.exit_code if outcome.exit_code is not None else TIMED_OUT if outcome.timed_out else KILLED
        await self._node.unit(lambda work: probing.report(work, probe, code, began))

    async def _run(self, probe: Probe) -> Outcome:
        node = self._node
        sandbox = await node.sandbox()
        folder = await asyncio.to_thread(workspace.prepare, node.data_dir.work, f"{FOLDER}{probe.attempt}")
        limits = Limits(
            wall_s=probe.timeout_s, cpu_s=int(probe.timeout_s) + 1, memory_bytes=node.config.task_memory_bytes,
            output_bytes=OUTPUT_BYTES,
        )  # fmt: skip
        try:
            command = Command(["bash", "-c", probe.command], network=probe.network)
            return await sandbox.run(folder, command, limits, lambda stream, chunk: None)
        finally:
            await uninterrupted(asyncio.to_thread(workspace.remove, folder))

    def _sweep(self) -> None:
        """Removes what killed nodes left."""
        for folder in self._node.data_dir.work.glob(f"{FOLDER}*"):
            if time.time() - folder.stat().st_mtime > LEFT_AFTER_S:
                workspace.remove(folder)
