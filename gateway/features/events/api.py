"""Routes of events: list, Server-Sent Events, WebSocket."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

import gevent
import structlog
from flask import Response, current_app, g, request
from flask_sock import Sock
from gevent.lock import RLock
from pydantic import ValidationError
from simple_websocket import ConnectionClosed, Server
from sqlalchemy.exc import SQLAlchemyError

from gateway.core.answers import answer, event_stream, page_of
from gateway.core.errors import GatewayError, Invalid, NotReady
from gateway.core.events import Event
from gateway.core.identity import Actor
from gateway.core.paging import page
from gateway.core.room import Room, ok, work
from gateway.core.schemas import Page
from gateway.core.unit_of_work import unit_of_work

from . import service
from .fanout import Fanout, Message, Reset
from .schemas import EventCatalogue, EventOut, EventQuery, Filter, StreamQuery, Subscribe

room = Room("events", __name__, title="Events")

log = structlog.get_logger("gateway.events")

SEND_TIMEOUT_S = 10
"""A reader that takes nothing for so long is dropped; it can resume where it was."""

LAST_WORD_S = 0.2
"""How long a connection that must end may take to hear why."""

POLICY_VIOLATION = 1008
"""Close code of a WebSocket whose identity has ended (RFC 6455, 7.4.1)."""


def fanout() -> Fanout:
    """The fan-out of this gateway."""
    return current_app.extensions["fanout"]  # type: ignore[no-any-return]


@room.get("/events", responses={200: Page[EventOut]}, summary="The event log, oldest first")
def list_events(query: EventQuery) -> Response:
    found = service.visible(work(), query)
    rows, cursor = page(work().session, found, Event.seq, limit=query.limit, cursor=query.cursor, oldest_first=True)
    return page_of(EventOut, rows, cursor)


@room.get("/events/catalog", responses={200: EventCatalogue}, summary="Every sort of event, with schema and example")
def get_catalogue() -> Response:
    return answer(service.catalogue(work()))


@room.get(
    "/events/stream", responses={200: ok("text/event-stream")}, summary="Live events (SSE); resumes from Last-Event-ID"
)
def stream(query: StreamQuery) -> Response:
    wanted = Filter(task_id=query.task_id, run_id=query.run_id)
    messages = service.subscribe(work(), fanout(), (query.name or "**",), wanted, _resume_point(query.since))
    return event_stream(_as_sse(messages))


def _resume_point(since: int | None) -> int | None:
    last = request.headers.get("Last-Event-ID")
    if last is None:
        return since
    if not last.isdecimal() or len(last) > 18:
        raise Invalid.field("Last-Event-ID", "send the id of the last event you saw")
    return int(last)


def _as_sse(messages: Iterator[Message | None]) -> Iterator[str]:
    try:
        for message in messages:
            if message is None:
                yield ": keep-alive\n\n"
            else:
                yield f"id: {message.event.seq}\nevent: {message.event.name}\ndata: {message.json}\n\n"
    except Reset:
        yield 'event: reset\ndata: {"reset": true}\n\n'


def add_websocket(sock: Sock) -> None:
    """Adds `/v1/events/ws`. The handshake went through the same checks as any request."""

    @sock.route("/v1/events/ws")  # type: ignore[untyped-decorator]
    def events_socket(socket: Server) -> None:
        line = _Line(socket, g.actor)
        with fanout().watch.over(line):
            _converse(socket, line)


def _converse(socket: Server, line: "_Line") -> None:
    sender: gevent.Greenlet | None = None
    try:
        while (text := socket.receive()) is not None:
            try:
                messages = _subscription(text, line.actor)
            except GatewayError as error:
                line.say({"error": {"code": error.code, "message": error.detail}})
                continue
            if sender is not None:
                line.between_messages(sender.kill)
            sender = gevent.spawn(_send, line, messages)
    except (ConnectionClosed, OSError):
        return
    finally:
        if sender is not None:
            sender.kill()


class _Line:
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


def _subscription(text: str | bytes, actor: Actor) -> Iterator[Message | None]:
    try:
        wish = Subscribe.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        raise Invalid.field(field, first["msg"]) from error
    sessions = current_app.extensions["gateway_sessions"]
    try:
        with unit_of_work(sessions, actor, request_id=g.request_id, read_only=True) as unit:
            return service.subscribe(unit, fanout(), tuple(wish.subscribe), wish.filter, wish.since)
    except SQLAlchemyError as error:
        raise NotReady("The database does not answer at the moment; subscribe again in a few seconds.") from error


def _send(line: _Line, messages: Iterator[Message | None]) -> None:
    try:
        next(messages)
        line.say({"subscribed": True})
        for message in messages:
            if message is not None:
                line.say(message.json)
    except Reset:
        with suppress(ConnectionClosed, OSError):
            line.say({"reset": True})
    except (ConnectionClosed, OSError):
        line.hang_up()
    except Exception:
        log.exception("a WebSocket's events cannot be read; it is closed")
        line.hang_up()
