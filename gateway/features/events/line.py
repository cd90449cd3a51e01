"""The sending side of a WebSocket, for every room that has one."""

import json
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

import gevent
from gevent.lock import RLock
from simple_websocket import ConnectionClosed, Server

from gateway.core.identity import Actor

SEND_TIMEOUT_S = 10
"""A reader that takes nothing for so long is dropped; it can resume where it was."""

LAST_WORD_S = 0.2
"""How long a connection that must end may take to hear why."""

NORMAL, POLICY_VIOLATION = 1000, 1008
"""Close codes: all was said, the identity has ended (RFC 6455, 7.4.1)."""


class Line:
    """The sending side of a WebSocket: whole frames, one at a time, and an end for a reader that stalls or must go.

    The library hands a frame to `send`, which may take only a part of it, and does so from two greenlets.
    """

    def __init__(self, socket: Server, actor: Actor) -> None:
        self.actor = actor
        self._socket = socket
        self._raw = socket.sock
        self._turn = RLock()
        socket.sock = self

    def say(self, message: dict[str, Any] | str) -> None:
        """Sends a message. Raises ConnectionClosed, or OSError when nobody takes it."""
        with self._turn:
            self._socket.send(message if isinstance(message, str) else json.dumps(message))

    def between_messages(self, act: Callable[[], None]) -> None:
        """Runs `act` while no message is on its way."""
        with self._turn:
            act()

    def go_on_as(self, actor: Actor) -> None:
        """Further subscriptions are decided by the rights of now."""
        self.actor = actor

    def end(self) -> None:
        """Closes the connection because the identity behind it has ended."""
        gevent.spawn(self._close)

    def _close(self) -> None:
        with suppress(ConnectionClosed, OSError, gevent.Timeout), gevent.Timeout(LAST_WORD_S), self._turn:
            self._socket.close(POLICY_VIOLATION, "your session or token has ended")
        self.hang_up()

    def finish(self, reason: str) -> None:
        """Closes the connection in order, when all is said."""
        with self._turn:
            self._socket.close(NORMAL, reason)

    def hang_up(self) -> None:
        """Ends the connection without another word."""
        with suppress(OSError):
            self._raw.shutdown(SHUT_RDWR)

    def send(self, data: bytes) -> None:
        """What the library calls with a frame."""
        with self._turn:
            try:
                with gevent.Timeout(SEND_TIMEOUT_S, TimeoutError("the reader stalled")):
                    self._raw.sendall(data)
            except TimeoutError:
                self.hang_up()
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
