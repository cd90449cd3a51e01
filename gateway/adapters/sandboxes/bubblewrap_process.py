"""One running bubblewrap: started, tied to us, watched, and ended so that nothing of it is left."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, cast

from gateway.adapters.sandboxes import process_tree, reaching
from gateway.adapters.sandboxes.base import Attachment, Command, Limit, Limits, OutputSink, SandboxError, Stream
from gateway.adapters.sandboxes.bubblewrap_options import IN_MEMORY, NICENESS, gate, options
from gateway.adapters.sandboxes.supervision import feed, pump, readable
from gateway.adapters.sandboxes.unprivileged import MOUNT_POINT, unprivileged
from gateway.adapters.sandboxes.workspace import open_folder, usage

_NEWLINE = b"\n"

_STARTUP_S = 10
_WATCH_EVERY_S = 0.1
# A look may take this share of a processor: when it takes long, the next one comes later.
_WATCH_SHARE = 0.1
_watchers = ThreadPoolExecutor(2, thread_name_prefix="sandbox-watch")


class Box(Attachment):
    """One sandbox: bubblewrap (`process`), the first process in its namespaces (`init`), and the program.

    `init` is the lifeline: when it ends, the kernel ends all others in its namespace before its pidfd tells.
    """

    def __init__(self, workspace: Path, command: Command, limits: Limits) -> None:
        """Start bubblewrap, the program waiting behind its gate; in the starter. Raises SandboxError, ValueError."""
        if not workspace.is_dir():
            raise ValueError(f"Prepare the workspace {workspace.name} before running in it.")
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("Bubblewrap is not installed.", permanent=True)
        self.workspace = workspace
        self.init: int | None = None
        self.init_pid = 0
        self._handing = threading.Lock()
        self.outputs: dict[Stream, asyncio.Task[bool]] = {}
        self.input: asyncio.Task[None] | None = None
        self._more: asyncio.Queue[bytes | None] = asyncio.Queue()
        is_root = os.geteuid() == 0
        source = MOUNT_POINT if is_root else str(workspace.absolute())
        with contextlib.ExitStack() as files:
            given: list[int] = []

            def file(content: bytes) -> str:
                memory = files.enter_context(os.fdopen(os.memfd_create("sandbox"), "w+b", buffering=0))
                memory.write(content)
                memory.seek(0)
                given.append(memory.fileno())
                return str(memory.fileno())

            # By descriptor, since a command line can be read by every user of the host.
            arguments = file(os.fsencode("\0".join(options(source, command, limits, file))) + b"\0")
            argv = [program, "--args", arguments, "--", *gate(limits), *command.argv]
            try:
                if is_root:  # from here on nothing can be read that only root can, not even modules of Python
                    files.enter_context(unprivileged(workspace.absolute()))
                self.process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env={},
                    cwd="/",
                    umask=0o022,
                    start_new_session=True,
                    pass_fds=given,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise SandboxError(f"Bubblewrap could not be started: {error}.", permanent=False) from error
        self.handle = os.pidfd_open(self.process.pid)
        # Popen types its pipes as optional; asked for, they are there.
        self.stdin, self.stdout, self.stderr = (
            cast("IO[bytes]", pipe) for pipe in (self.process.stdin, self.process.stdout, self.process.stderr)
        )
        for pipe in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(pipe.fileno(), False)

    async def ready(self) -> None:
        """Wait until the program stands at its gate. Raises SandboxError with bubblewrap's own words."""
        said = b""
        try:
            async with asyncio.timeout(_STARTUP_S):
                while said != _NEWLINE:
                    await readable(self.stderr.fileno())
                    chunk = os.read(self.stderr.fileno(), 4096)
                    if not chunk:
                        reason = said.decode(errors="replace").strip() or "it ended without a word"
                        raise SandboxError(f"The sandbox could not be set up: {reason}.", permanent=False)
                    said += chunk
        except TimeoutError as error:
            reason = f"it took more than {_STARTUP_S} s {said.decode(errors='replace')}".strip()
            raise SandboxError(f"The sandbox could not be set up: {reason}.", permanent=False) from error

    async def tie(self) -> None:
        """Get hold of `init` and of the program's priority, and wait until `init` dies with bubblewrap, which does so
        with us.
        """
        try:
            (self.init_pid,) = process_tree.children(self.process.pid)
            self.init = os.pidfd_open(self.init_pid)
            (program,) = process_tree.children(self.init_pid)
            os.setpriority(os.PRIO_PROCESS, program, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
            # Bubblewrap ties its first process to its own life just before it puts the filter on it.
            async with asyncio.timeout(_STARTUP_S):
                while not process_tree.is_filtered(self.init_pid):  # noqa: ASYNC110 - the kernel does not tell
                    await asyncio.sleep(0.001)
        except (OSError, ValueError) as error:
            raise SandboxError(f"The sandbox ended while starting: {error}.", permanent=False) from error

    def connect(self, stdin: bytes, keep: int, on_output: OutputSink, *, stays_open: bool) -> None:
        """Open the gate, and pass input and output through from now on."""
        self.input = asyncio.create_task(feed(self.stdin, _NEWLINE + stdin, self._more if stays_open else None))
        pipes: dict[Stream, int] = {"stdout": self.stdout.fileno(), "stderr": self.stderr.fileno()}
        for stream, pipe in pipes.items():
            task = asyncio.create_task(pump(pipe, keep, partial(on_output, stream)))
            task.add_done_callback(self._stop_after_failure)
            self.outputs[stream] = task

    def write(self, data: bytes) -> None:
        """See Attachment.write."""
        self._more.put_nowait(data)

    def close_input(self) -> None:
        """See Attachment.close_input."""
        self._more.put_nowait(None)

    def terminate(self) -> None:
        """See Attachment.terminate. By descriptor, since a number may be another's by the time it is used."""
        for pid in [pid for pid in process_tree.tree(self.init_pid) if pid != self.init_pid]:
            with contextlib.suppress(ProcessLookupError, OSError):
                handle = os.pidfd_open(pid)
                try:
                    if pid in process_tree.tree(self.init_pid):
                        signal.pidfd_send_signal(handle, signal.SIGTERM)
                finally:
                    os.close(handle)

    def reach(self, port: int) -> socket.socket:
        """See Attachment.reach."""
        with self._handing:  # in a thread: the number may be another file's once it is closed
            if self.init is None:
                raise SandboxError("The sandbox has ended.", permanent=False)
            init = os.dup(self.init)
        try:
            return reaching.connect(init, port)
        finally:
            os.close(init)

    async def watch(self, limits: Limits) -> Limit | None:
        """Wait for the end, or for the first limit that the kernel alone does not hold; return which."""
        ended = asyncio.create_task(readable(self.handle))
        looks = [
            asyncio.create_task(_look_out(partial(self._processes_exceed, limits))),
            asyncio.create_task(_look_out(partial(self._storage_exceeds, limits))),
        ]
        try:
            done, _ = await asyncio.wait([ended, *looks], timeout=limits.wall_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ended, *looks):
                task.cancel()
        if ended in done:
            return None
        return next((look.result() for look in looks if look in done), "time")

    async def end(self) -> None:
        """Kill what is left, wait until nothing is, and close every descriptor."""
        if self.init is None:
            # Killing bubblewrap now could leave its half-made child behind; a closed gate ends them both.
            self.stdin.close()
            await asyncio.wait([asyncio.create_task(readable(self.handle))], timeout=_STARTUP_S)
            self.process.kill()
        else:
            self.kill()
            await readable(self.init)
            with self._handing:
                os.close(self.init)
                self.init = None
        await readable(self.handle)
        os.close(self.handle)
        self.process.wait()
        self.close_input()
        await asyncio.gather(*self.outputs.values(), *filter(None, [self.input]), return_exceptions=True)
        for pipe in (self.stdin, self.stdout, self.stderr):
            pipe.close()

    def kill(self) -> None:
        """End the program and all its descendants at once."""
        if self.init is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                signal.pidfd_send_signal(self.init, signal.SIGKILL)

    def _stop_after_failure(self, output: asyncio.Task[bool]) -> None:
        """Do not let a program run on whose output nobody takes; `run` raises the error."""
        if not output.cancelled() and output.exception():
            self.kill()

    def _processes_exceed(self, limits: Limits) -> Limit | None:
        used = process_tree.usage(self.init_pid, limits.memory_bytes)
        if used.memory_bytes > limits.memory_bytes:
            return "memory"
        return "cpu" if used.cpu_s > limits.cpu_s else None

    def _storage_exceeds(self, limits: Limits) -> Limit | None:
        # Each look opens them anew: this thread may still be looking when the run is over.
        for folder in IN_MEMORY:
            with contextlib.suppress(OSError):  # it has ended
                status = os.statvfs(f"/proc/{self.init_pid}/root{folder}")
                if status.f_files - status.f_ffree > limits.workspace_files:
                    return "workspace"
        try:
            workspace = open_folder(None, str(self.workspace))
        except FileNotFoundError:
            return None
        try:
            size = usage(workspace, limits.workspace_bytes, limits.workspace_files)
            size += process_tree.deleted_files(self.init_pid, os.fstat(workspace).st_dev)
        finally:
            os.close(workspace)
        return "workspace" if size > limits.workspace_bytes else None


async def _look_out(look: Callable[[], Limit | None]) -> Limit:
    """Look now and then, in a thread, until a limit is exceeded; return that limit."""
    pause = _WATCH_EVERY_S
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        if exceeded := await asyncio.get_running_loop().run_in_executor(_watchers, look):
            return exceeded
        pause = max(_WATCH_EVERY_S, (time.monotonic() - began) / _WATCH_SHARE)
