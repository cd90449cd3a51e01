"""Many small requests to the same places under the guard: what deliveries need of HTTP, at a quarter of the cost.

A request is one write and one read of a kept connection; h11 speaks HTTP/1.1, and between it and the event loop is
nothing but this file. Nothing is followed, packed or streamed here: that is `guarded_http`.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import h11
import httpx

from .exchange import Answer, Bounds, OutboundError, Resolve, broken_off, insecure, late, timed_out, unreachable
from .guarded_http import Guard

KEPT_S = 30.0
"""How long a connection is kept that nothing goes over."""

MOST_KEPT = 20
"""Connections to one place that are kept."""

LONGEST_HEAD = 64 * 1024
"""Bytes of an answer's status line and headers."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a URL leads."""

    url: str
    scheme: str
    host: str
    port: int
    authority: bytes
    target: bytes

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a connection leads to."""
        return self.scheme, self.host, self.port


class GuardedPosts:
    """Requests with a body. Like `GuardedClient` it shares no connection, keeps no cookies and asks no proxy."""

    def __init__(
        self, *, tls: ssl.SSLContext, allowed_hosts: Iterable[str] = (), user_agent: str = "user-api-gateway",
        resolve: Resolve | None = None,
    ) -> None:  # fmt: skip
        self._tls = tls
        self._guard = Guard(resolve, allowed_hosts)
        self._user_agent = user_agent.encode()
        self._last: _Place | None = None
        self._kept: dict[tuple[str, str, int], deque[_Connection]] = {}

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes, bounds: Bounds
    ) -> Answer:
        """One request, to whatever answers it; a redirect is an answer too. Raises OutboundError."""
        place = self._place(url)
        fields = [
            (b"Host", place.authority), (b"User-Agent", self._user_agent), (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"), (b"Content-Length", b"%d" % len(content)),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]  # fmt: skip
        try:
            asked = h11.Request(method=method, target=place.target, headers=fields)
        except h11.LocalProtocolError:  # it quotes the value, which may be a secret
            raise OutboundError("A header of the request holds what none can hold.", code="invalid_request") from None
        try:
            async with asyncio.timeout(bounds.total_s):
                connection = self._free(place) or await self._connected(place, bounds.connect_s)
                try:
                    answer = await connection.exchange(asked, content, bounds.body_bytes)
                except (OSError, h11.RemoteProtocolError) as error:
                    raise broken_off(place.host) from error
                finally:
                    self._give_back(place, connection)
        except TimeoutError as error:
            raise timed_out(bounds.total_s) from error
        return Answer(url, answer.status, httpx.Headers(answer.headers), bytes(answer.body), answer.cut)

    async def aclose(self) -> None:
        """Closes what is kept open."""
        for kept in self._kept.values():
            for connection in kept:
                connection.close()
        self._kept.clear()

    def _place(self, url: str) -> _Place:
        """Where the URL leads, judged as far as its text tells. Raises OutboundError."""
        if self._last is None or self._last.url != url:  # most ask for one only, and reading it takes its time
            found = self._guard.parsed(url)
            port = found.port or (443 if found.scheme == "https" else 80)
            self._last = _Place(
                url, found.scheme, found.raw_host.decode("ascii"), port, found.netloc, found.raw_path
            )  # fmt: skip
        return self._last

    def _free(self, place: _Place) -> "_Connection | None":
        kept = self._kept.get(place.origin)
        while kept:
            connection = kept.pop()  # the one used last: what is needed no more grows old and is closed
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def _give_back(self, place: _Place, connection: "_Connection") -> None:
        kept = self._kept.setdefault(place.origin, deque())
        if not connection.is_usable:
            connection.close()
            return
        kept.append(connection)
        while len(kept) > MOST_KEPT or not kept[0].is_usable:
            kept.popleft().close()

    async def _connected(self, place: _Place, connect_s: float) -> "_Connection":
        """A connection to the first address that answers, when all of them may be connected to."""
        failure: Exception | None = None
        tls: dict[str, Any] = {"ssl": self._tls, "server_hostname": place.host} if place.scheme == "https" else {}
        connect = asyncio.get_running_loop().create_connection
        try:
            async with asyncio.timeout(connect_s):
                for address in await self._guard.addresses(place.host, place.port):
                    try:
                        return (await connect(_Connection, str(address), place.port, **tls))[1]
                    except ssl.SSLError as error:
                        raise insecure(place.host) from error
                    except OSError as error:
                        failure = error
        except TimeoutError as error:
            raise late(place.host) from error
        raise unreachable(place.host, place.port) from failure


@dataclass(slots=True)
class _Answered:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytearray
    cut: bool = False


class _Connection(asyncio.Protocol):
    """A connection, used for one request after another."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._transport: Any = None
        self._is_asking = False
        self._news: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._used_at = time.monotonic()

    @property
    def is_usable(self) -> bool:
        """Whether another request may go over it: the last one is through, and nothing has come since."""
        return (
            self._http.our_state is h11.IDLE
            and not self._transport.is_closing()
            and not self._http.trailing_data[0]
            and time.monotonic() - self._used_at < KEPT_S
        )

    async def exchange(self, asked: h11.Request, content: bytes, most: int) -> _Answered:
        """The answer, its body up to `most` bytes. Raises OSError, and h11's RemoteProtocolError."""
        self._is_asking = True
        parts = (self._http.send(event) for event in (asked, h11.Data(data=content), h11.EndOfMessage()))
        self._transport.write(b"".join(part for part in parts if part))
        answer = await self._head()
        while isinstance(event := await self._event(), h11.Data):
            answer.body += event.data
            if len(answer.body) > most:
                del answer.body[most:]
                answer.cut = True
                return answer  # what is left of it is not read: this connection is used no more
        self._is_asking = False
        self._used_at = time.monotonic()
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return answer

    def close(self) -> None:
        """Ends it at once: nobody waits for what is on its way."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._is_asking:
            self._http.receive_data(data)
            self._tell()
        else:
            self.close()  # an answer to nothing would be taken for the one to the next request

    def connection_lost(self, error: Exception | None) -> None:
        self._error = error
        if self._is_asking and error is None:
            self._http.receive_data(b"")  # its end, which some answers end with
        self._tell()

    async def _head(self) -> _Answered:
        while not isinstance(event := await self._event(), h11.Response):
            pass  # an interim answer (1xx)
        return _Answered(event.status_code, event.headers.raw_items(), bytearray())

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._error is not None:
                raise self._error
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return event

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
