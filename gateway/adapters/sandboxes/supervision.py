"""Waiting for, feeding and reading processes on the event loop, through plain file descriptors."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import IO, Any

from gateway.adapters.sandboxes.base import MIB

_CHUNK = 64 * 1024


async def readable(descriptor: int) -> None:
    """Return once `descriptor` can be read: data or end of file of a pipe, the end of a pidfd's process."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def feed(pipe: IO[bytes], data: bytes, more: "asyncio.Queue[bytes | None] | None" = None) -> None:
    """Write `data` to a non-blocking pipe, as fast as it is taken, and close it. A reader may stop early.

    With `more` what is put there follows, up to a None.
    """
    try:
        with contextlib.suppress(BrokenPipeError):
            await _write(pipe, data)
            while more is not None and (piece := await more.get()) is not None:
                await _write(pipe, piece)
    finally:
        pipe.close()


async def _write(pipe: IO[bytes], data: bytes) -> None:
    loop = asyncio.get_running_loop()
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(pipe.fileno(), rest[:_CHUNK]) :]
        except BlockingIOError:
            ready = loop.create_future()
            loop.add_writer(pipe.fileno(), _settle, ready)
            try:
                await ready
            finally:
                loop.remove_writer(pipe.fileno())


async def pump(descriptor: int, keep: int, deliver: Callable[[bytes], Awaitable[None] | None]) -> bool:
    """Deliver the first `keep` bytes of a pipe as they come, drop the rest; return whether any were dropped.

    No more is read while what `deliver` returned is awaited: the program waits with us.
    What is dropped is read in big gulps with a pause, so that endless output costs us next to nothing.
    """
    import fcntl  # absent on systems that have no bubblewrap

    while True:
        await readable(descriptor)
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return False
        if keep and (taken := deliver(chunk[:keep])) is not None:
            await taken
        if len(chunk) > keep:
            break
        keep -= len(chunk)
    with contextlib.suppress(PermissionError):  # at the user's allowance of pipe memory: only slower
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, MIB)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        await readable(descriptor)
        while os.splice(descriptor, sink, MIB):
            await asyncio.sleep(0.001)
            await readable(descriptor)
    finally:
        os.close(sink)
    return True


async def uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Finish `work` even when cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
