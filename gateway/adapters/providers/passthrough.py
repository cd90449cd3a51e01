"""Requests passed on to an upstream over kept-open connections; its bytes are handed over as they come.

Synchronous, for a process whose waits are cooperative (the gateway). Only connecting is timed here: the caller
times what comes after, and ends an exchange by closing it. What the bytes mean is the caller's.
"""

import http.client
import select
import socket
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import SplitResult, urlsplit

from gateway.adapters.providers.base import ProviderError, Upstream
from gateway.adapters.providers.tls import is_loopback, tls_context

PIECE_BYTES = 64 * 1024
MAX_BODY_BYTES = 32 * 1024 * 1024
IDLE_AT_MOST = 64
"""Connections to one place that are kept open without work."""

_Place = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Head:
    """What an upstream's answer began with; header names in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def is_stream(self) -> bool:
        """Whether its body is server-sent events."""
        return self.headers.get("content-type", "").startswith("text/event-stream")


class _InOneWrite(http.client.HTTPConnection):
    """A connection that sends the head of a request with its body: each write wakes the server."""

    _held: bytearray | None = None

    def request(self, *arguments: Any, **options: Any) -> None:
        """As the library's."""
        self._held = bytearray()
        try:
            super().request(*arguments, **options)
        finally:
            held, self._held = self._held, None
        self.send(held)

    def send(self, data: Any) -> None:
        """As the library's, but what belongs to a request waits for the rest of it."""
        if self._held is None:
            super().send(data)
        else:
            self._held += data


class _InOneWriteByTls(_InOneWrite, http.client.HTTPSConnection):
    """The same by TLS."""


class Pool:
    """Connections of one process to all its upstreams."""

    def __init__(self) -> None:
        self._idle: dict[_Place, deque[http.client.HTTPConnection]] = {}

    def send(self, upstream: Upstream, path: str, body: bytes, *, connect_s: float) -> "Exchange":
        """Sends a POST and waits for the head of its answer. Raises ProviderError, `unreachable` or `interrupted`."""
        url = urlsplit(upstream.base_url + path)
        place = _place(url)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **upstream.headers}
        while (connection := self._kept(place)) is not None:
            # A server may close a kept connection at any moment; nothing was answered, so a fresh one is tried.
            with suppress(OSError, http.client.HTTPException):
                return self._ask(connection, place, url, body, headers)
            connection.close()
        connection = _connect(url, place, connect_s)
        try:
            return self._ask(connection, place, url, body, headers)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _interrupted(upstream.base_url) from error
        except BaseException:
            connection.close()
            raise

    def keep(self, place: _Place, connection: http.client.HTTPConnection) -> None:
        """Takes back a connection whose answer was read to its end."""
        idle = self._idle.setdefault(place, deque())
        idle.append(connection)
        if len(idle) > IDLE_AT_MOST:
            idle.popleft().close()

    def close(self) -> None:
        """Closes what is idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    def _kept(self, place: _Place) -> http.client.HTTPConnection | None:
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if connection.sock is not None and _is_silent(connection.sock):
                return connection
            connection.close()  # readable without a question: the server has closed it
        return None

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        place: _Place,
        url: SplitResult,
        body: bytes,
        headers: dict[str, str],
    ) -> "Exchange":
        target = url.path + (f"?{url.query}" if url.query else "")
        proxied = url.scheme == "http" and (connection.host, connection.port) != place[1:]
        try:
            connection.request("POST", url.geturl() if proxied else target, body, headers)
            return Exchange(self, place, connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise


class Exchange:
    """One answer on its way. `close` ends the upstream's work, unless all was read."""

    def __init__(
        self, pool: Pool, place: _Place, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        self._pool = pool
        self._place = place
        self._connection = connection
        self._response = response
        self._is_read = False
        self.head = Head(response.status, {name.lower(): value for name, value in response.headers.raw_items()})

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises ProviderError `interrupted` where it breaks off."""
        try:
            while piece := self._response.read1(PIECE_BYTES):
                yield piece
            if self._response.length:  # http.client takes an early end of a body of known length for its end
                raise http.client.IncompleteRead(b"", self._response.length)
            self._response.close()
            self._is_read = True
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # The last two are how http.client meets a connection that was closed under it.
            raise _interrupted(f"{self._place[0]}://{self._place[1]}") from error

    def read(self) -> bytes:
        """The whole body. Raises ProviderError, also for one too large."""
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise ProviderError(
                    f"{self._place[1]} answered with more than {MAX_BODY_BYTES} bytes.",
                    code="bad_response",
                    permanent=True,
                )
        return bytes(body)

    def close(self) -> None:
        """Gives the connection back, or ends it where something is still to come."""
        if self._is_read and not self._response.will_close and self._connection.sock is not None:
            self._pool.keep(self._place, self._connection)
            return
        self._response.close()
        if self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _is_silent(sock: socket.socket) -> bool:
    """Whether there is nothing to read. Of files past the 1,024th that cannot be told: no connection is kept there."""
    try:
        return not select.select([sock], [], [], 0)[0]
    except ValueError:
        return False


def _place(url: SplitResult) -> _Place:
    return url.scheme, url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def _connect(url: SplitResult, place: _Place, connect_s: float) -> http.client.HTTPConnection:
    """A fresh connection, through the environment's proxy where there is one for that place."""
    scheme, host, port = place
    proxy = _proxy_for(url)
    ends_at = (proxy.hostname or "", proxy.port or 80) if proxy is not None else (host, port)
    connection: http.client.HTTPConnection
    if scheme == "https":
        connection = _InOneWriteByTls(*ends_at, timeout=connect_s, context=tls_context())
        if proxy is not None:
            connection.set_tunnel(host, port)
    else:
        connection = _InOneWrite(*ends_at, timeout=connect_s)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        raise _not_connected(f"{scheme}://{host}:{port}", error) from error
    except BaseException:
        connection.close()
        raise
    connection.sock.settimeout(None)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _proxy_for(url: SplitResult) -> SplitResult | None:
    if is_loopback(url.geturl()):
        return None
    named = urllib.request.getproxies().get(url.scheme)
    if not named or urllib.request.proxy_bypass(url.hostname or ""):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _not_connected(place: str, error: OSError) -> ProviderError:
    if isinstance(error, SSLCertVerificationError):
        return ProviderError(
            f"The certificate of {place} is not trusted; add its authority to the system's certificates "
            "or name it in SSL_CERT_FILE.",
            code="untrusted_certificate",
            permanent=True,
        )
    return ProviderError(
        f"{place} cannot be reached; check that it is running and that the address is right.",
        code="unreachable",
        permanent=False,
    )


def _interrupted(place: str) -> ProviderError:
    return ProviderError(
        f"{place} closed the connection before it had finished; try again.", code="interrupted", permanent=False
    )
