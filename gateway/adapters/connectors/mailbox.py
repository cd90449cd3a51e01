"""A mailbox over a connection that the guard has opened: imap-tools, bounded in what an answer may hold."""

import asyncio
import imaplib
import socket
import ssl
from contextlib import suppress
from itertools import pairwise
from typing import Any

from imap_tools import BaseMailBox

TIMEOUT_S = 20
MAIL_BYTES = 32 * 2**20
"""Of a whole mail, whose files are a third longer than by themselves."""

LITERAL_BYTES = 2 * MAIL_BYTES
"""Of one piece of an answer, whatever the server has said of its size."""


class Client(imaplib.IMAP4):
    """IMAP over a connection that is there already."""

    def __init__(self, connection: socket.socket) -> None:
        self._given = connection
        self.begun = b""
        super().__init__("", 0, TIMEOUT_S)

    def read(self, size: int) -> bytes:
        """A piece of an answer, which memory is to have room for."""
        if size > LITERAL_BYTES:
            raise self.abort(f"a piece of {size} bytes")
        return super().read(size)

    def readline(self) -> bytes:
        """The next line, whole; empty while the rest of it (`begun`) has not come, if the connection does not wait."""
        more = super().readline()
        line, self.begun = self.begun + more, b""
        if not more or line.endswith(b"\n") or self.sock.gettimeout() != 0:
            return line
        self.begun = line
        return b""

    def uid(self, command: str, *arguments: Any) -> tuple[str, list[Any]]:
        """As the library's; of what a FETCH brings the mails alone, not what the server tells of others by the way."""
        status, told = super().uid(command, *arguments)
        if command.lower() == "fetch":
            told = [part for mail in pairwise(told) if isinstance(mail[0], tuple) for part in mail]
        return status, told

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._given


class Box(BaseMailBox):
    """A mailbox over such a connection, by TLS or as it is."""

    client: Client

    def __init__(self, connection: socket.socket, tls: ssl.SSLContext | None, host: str) -> None:
        self._connection = tls.wrap_socket(connection, server_hostname=host) if tls is not None else connection
        super().__init__()

    def leave(self) -> None:
        """Says good-bye, where somebody still listens, and closes the connection."""
        with suppress(imaplib.IMAP4.error, OSError):
            self.client.logout()
        self.drop()

    def drop(self) -> None:
        """Closes the connection."""
        with suppress(OSError):
            self.client.shutdown()

    def _get_mailbox_client(self) -> Client:
        return Client(self._connection)


async def readable(connection: socket.socket, seconds: float) -> bool:
    """Whether something comes within that time; no thread waits meanwhile."""
    loop, come = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, come.set)
    try:
        async with asyncio.timeout(seconds):
            await come.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(connection)
    return True
