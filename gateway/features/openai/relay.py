"""One request to an upstream, carried out beside the client's: whoever waits for it learns what happens first.

The upstream's bytes, the end of the client's connection, the end of the identity and the deadlines all meet in one
mailbox. Retries happen here, and only before the first byte of an answer.
"""

import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import gevent
import gevent.socket
import structlog
from gevent.core import READ
from gevent.queue import Empty, Full, Queue

from gateway.adapters.providers.base import ProviderError, Upstream
from gateway.adapters.providers.passthrough import MAX_BODY_BYTES, Exchange, Head, Pool
from gateway.core.errors import GatewayError
from gateway.core.identity import Actor

from .failures import CompletionTimeout, InferenceFailed, RequestCanceled, from_provider, stopping

log = structlog.get_logger("gateway.openai")

KEEP_ALIVE_S = 15.0
"""A stream that is silent for so long says that it is still there."""

PIECES_AHEAD = 64
"""Pieces that may wait for a slow client; then the upstream waits too."""

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0
LOOK_AGAIN_S = 0.25
LAST_WORD_S = 1.0

CLIENT_GONE = "The client has closed its connection."
IDENTITY_ENDED = "Your session or token has ended."

RETRIED = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until connected, until the answer begins, and until it is whole; and how often it is asked again."""

    connect_s: float
    first_byte_s: float
    total_s: float
    retries: int


@dataclass(frozen=True, slots=True)
class Question:
    """What an upstream is asked."""

    upstream: Upstream
    path: str
    body: bytes


class _End:
    """The answer is whole."""


class Relay:
    """The exchange and its mailbox. Watched over as something `Opened` (events.watch)."""

    def __init__(self, pool: Pool, patience: Patience, actor: Actor, client: socket.socket | None) -> None:
        self.actor = actor
        self._pool = pool
        self._patience = patience
        self._mail: Queue[Head | bytes | _End | GatewayError] = Queue(PIECES_AHEAD)
        self._began = time.monotonic()
        self._ended: GatewayError | None = None
        self._pump: gevent.Greenlet | None = None
        self._client = client
        self._watcher: _ClientWatch | None = None

    def ask(self, question: Callable[[], Question]) -> Head:
        """Asks, again where it is refused for the moment; the head of the answer. Raises GatewayError.

        The client is watched from here on until `close`, not sooner: libev ends the process over a watch that outlives
        its connection. `question` may take its time too, such as until a model is loaded; each try makes it anew.
        """
        if self._client is not None and self._watcher is None:
            self._watcher = _ClientWatch(self._client, self._client_gone)
        self._pump = gevent.spawn(self._carry, question)
        item = self._next(self._began + self._patience.first_byte_s)
        assert isinstance(item, Head)
        return item

    def pieces(self) -> Iterator[bytes | None]:
        """The answer's bytes as they come, those together that are there; None after each while of silence.

        Raises GatewayError.
        """
        deadline = self._began + self._patience.total_s
        while True:
            try:
                item = self._next(deadline, quiet_s=KEEP_ALIVE_S)
            except Empty:
                yield None
                continue
            if isinstance(item, _End):
                return
            assert isinstance(item, bytes)
            yield b"".join([item, *self._there()])

    def _there(self) -> Iterator[bytes]:
        """What has come already: nobody waits for it, and each write to the client costs more than a longer one."""
        while not self._mail.empty() and isinstance(self._mail.peek_nowait(), bytes):
            yield self._mail.get_nowait()

    def read(self) -> bytes:
        """The whole body. Raises GatewayError, also for one too large."""
        body = bytearray()
        for piece in self.pieces():
            body += piece or b""
            if len(body) > MAX_BODY_BYTES:
                raise InferenceFailed(f"The model's server answered with more than {MAX_BODY_BYTES} bytes.")
        return bytes(body)

    def go_on_as(self, actor: Actor) -> None:
        """The caller's rights have changed: what was begun goes on."""
        self.actor = actor

    def end(self) -> None:
        """The identity behind it has ended."""
        self._stop(RequestCanceled(IDENTITY_ENDED))

    def leave(self) -> None:
        """The gateway stops."""
        self._stop(stopping())

    def close(self) -> None:
        """Ends what is left of it, the upstream's work included."""
        if self._pump is not None:
            self._pump.kill(block=False)
        if self._watcher is not None:
            self._watcher.end()

    def let_end(self) -> None:
        """All was said: the upstream may end its answer in good order, so that the connection can be kept."""
        if self._pump is not None:
            gevent.spawn_later(LAST_WORD_S, self._pump.kill, block=False)
            self._pump = None

    def check(self) -> None:
        """Raises GatewayError once it has been ended from outside."""
        if self._ended is not None:
            raise self._ended

    def _next(self, deadline: float, quiet_s: float | None = None) -> Head | bytes | _End:
        """The next thing that happens. Raises GatewayError, and Empty after `quiet_s`."""
        self.check()
        left = max(0.0, deadline - time.monotonic())
        is_short = quiet_s is not None and quiet_s < left
        item: Head | bytes | _End | GatewayError | None = None
        try:
            item = self._mail.get(timeout=quiet_s if is_short else left)
        except Empty:
            if is_short:
                raise
            self._stop(CompletionTimeout("The model did not answer in time; try again, or choose a faster one."))
        self.check()
        if isinstance(item, GatewayError):
            raise item
        assert item is not None
        return item

    def _stop(self, reason: GatewayError) -> None:
        """Ends the upstream's work at once and has whoever waits learn why."""
        self._ended = self._ended or reason
        if self._pump is not None:
            self._pump.kill(block=False)
        with suppress(Full):  # then whoever reads is awake anyway
            self._mail.put_nowait(_End())

    def _carry(self, question: Callable[[], Question]) -> None:
        try:
            exchange, refusal = self._asked(question)
            try:
                self._mail.put(exchange.head)
                for piece in [refusal] if refusal is not None else exchange.pieces():
                    self._mail.put(piece)
            finally:
                exchange.close()
            self._mail.put(_End())
        except GatewayError as error:
            self._mail.put(error)
        except ProviderError as error:
            self._mail.put(from_provider(error))
        except Exception:
            log.exception("an exchange with an upstream failed")
            self._mail.put(InferenceFailed("The gateway failed on this request; its log says why."))

    def _asked(self, question: Callable[[], Question]) -> tuple[Exchange, bytes | None]:
        """An answer that is worth handing on, or the last refusal with its body."""
        pause, tries = FIRST_PAUSE_S, 0
        while True:
            is_last = tries >= self._patience.retries
            asked = question()
            try:
                exchange = self._pool.send(asked.upstream, asked.path, asked.body, connect_s=self._patience.connect_s)
                if exchange.head.status == HTTPStatus.OK:
                    return exchange, None
                refusal = exchange.read()
                exchange.close()
                # A model that is being loaded will be there in the end: only the deadline limits that.
                is_last = is_last and not _is_loading(exchange.head, refusal)
                if is_last or not _is_passing(exchange.head):
                    return exchange, refusal
                pause = max(pause, _asked_to_wait(exchange.head))
            except ProviderError as error:
                if is_last or error.permanent:
                    raise
            gevent.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - so that clients do not return all at once
            pause, tries = min(LONGEST_PAUSE_S, pause * 2), tries + 1

    def _client_gone(self) -> None:
        self._stop(RequestCanceled(CLIENT_GONE))


class _ClientWatch:
    """`when_closed` from the moment on when something comes from the client: until then no greenlet waits for it."""

    def __init__(self, client: socket.socket, then: Callable[[], None]) -> None:
        self._looking: gevent.Greenlet | None = None
        self._readable = gevent.get_hub().loop.io(client.fileno(), READ)
        self._readable.start(self._look, client, then)

    def end(self) -> None:
        """Waits for its end: the next request on that connection is not for it to read."""
        self._readable.stop()
        self._readable.close()
        if self._looking is not None:
            self._looking.kill()

    def _look(self, client: socket.socket, then: Callable[[], None]) -> None:
        self._readable.stop()
        self._looking = gevent.spawn(when_closed, client, then)


def when_closed(client: socket.socket, then: Callable[[], None]) -> None:
    """Calls `then` as soon as the client has closed its connection."""
    with suppress(OSError):
        while True:
            gevent.socket.wait_read(client.fileno())
            if not client.recv(1, socket.MSG_PEEK):
                break
            gevent.sleep(LOOK_AGAIN_S)  # it has sent its next request already
    then()


def _is_passing(head: Head) -> bool:
    return head.status in RETRIED and _asked_to_wait(head) <= LONGEST_PAUSE_S


def _is_loading(head: Head, refusal: bytes) -> bool:
    return head.status == HTTPStatus.SERVICE_UNAVAILABLE and b"loading" in refusal.lower()


def _asked_to_wait(head: Head) -> float:
    try:
        return float(head.headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
