"""Ports of a process's sandbox on the loopback of this machine: one listener each, for as long as it is wanted."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection

import structlog

from gateway.adapters.sandboxes.base import SandboxError

log = structlog.get_logger("gateway.processes")

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS = 64
"""Through one port at once; more are hung up on."""

CHUNK = 64 * 1024

Reach = Callable[[int], socket.socket]
"""Connects to a port inside; blocks. Raises OSError, SandboxError."""


class Forwarding:
    """The listeners of one process. `local` is where each port is to be found, once it is."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._doors: dict[int, Door] = {}
        self._turn = asyncio.Lock()
        self._is_over = False

    async def want(self, ports: Collection[int]) -> dict[int, int]:
        """Opens and closes until these are open, as far as they can be; what was opened, with its port here."""
        async with self._turn:  # the process may end while one of its ports is being opened
            return {} if self._is_over else await self._change(ports)

    async def close(self) -> None:
        """Closes all of them for good, with the connections that are open."""
        async with self._turn:
            self._is_over = True
            await self._change(())

    async def _change(self, ports: Collection[int]) -> dict[int, int]:
        for port in [port for port in self._doors if port not in ports]:
            await self._doors.pop(port).close()
        opened: dict[int, int] = {}
        for port in ports:
            if port not in self._doors:
                door = Door(self._reach, port)
                try:
                    opened[port] = await door.open()
                except OSError as error:
                    log.warning("a port cannot be forwarded; it is tried again", port=port, problem=str(error))
                else:
                    self._doors[port] = door
        return opened


class Door:
    """One listener."""

    def __init__(self, reach: Reach, port: int) -> None:
        self._reach = reach
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._is_shut = False

    async def open(self) -> int:
        """Listens on a free port of this machine's loopback, and returns that."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Listens no more, and hangs up, also on who has just come."""
        self._is_shut = True
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_shut or len(self._open) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_through(reader, writer)
        except (OSError, SandboxError) as error:
            log.info("a forwarded connection was not taken", port=self._port, problem=str(error))
        finally:
            writer.transport.abort()

    async def _pass_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = await asyncio.to_thread(self._reach, self._port)
        inside.setblocking(False)
        from_inside, to_inside = await asyncio.open_connection(sock=inside)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, to_inside))
                both.create_task(_copy(from_inside, writer))
        except* OSError:
            pass
        finally:
            to_inside.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes, and then the end; as fast as it is taken."""
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()
