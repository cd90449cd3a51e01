"""Routes of events: list, Server-Sent Events, WebSocket."""

from collections.abc import Iterator
from contextlib import suppress

import gevent
import structlog
from flask import Response, current_app, g, request
from flask_sock import Sock
from pydantic import ValidationError
from simple_websocket import ConnectionClosed, Server
from sqlalchemy.exc import SQLAlchemyError

from gateway.core.errors import GatewayError, Invalid, NotReady
from gateway.core.events import Event
from gateway.core.findings import findings
from gateway.core.http.answers import answer, event_stream, page_of
from gateway.core.http.room import Room, ok, work
from gateway.core.identity import Actor
from gateway.core.paging import listed
from gateway.core.schemas import Page
from gateway.core.unit_of_work import unit_of_work

from . import service
from .fanout import Fanout, Message, Reset
from .line import Line
from .schemas import EventCatalogue, EventOut, EventQuery, Filter, Ping, StreamQuery, Subscribe

room = Room("events", __name__, title="Events")

log = structlog.get_logger("gateway.events")


def fanout() -> Fanout:
    """The fan-out of this gateway."""
    return current_app.extensions["fanout"]  # type: ignore[no-any-return]


@room.get("/events", responses={200: Page[EventOut]}, summary="The event log, oldest first")
def list_events(query: EventQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, Event.seq, query, oldest_first=True)
    return page_of(EventOut, paged)


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
        line = Line(socket, g.actor)
        with fanout().watch.over(line):
            _converse(socket, line)


def _converse(socket: Server, line: Line) -> None:
    sender: gevent.Greenlet | None = None
    try:
        while (text := socket.receive()) is not None:
            if _is_ping(text):
                line.say({"pong": True})
                continue
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


def _is_ping(text: str | bytes) -> bool:
    try:
        return Ping.model_validate_json(text).ping
    except ValidationError:
        return False


def _subscription(text: str | bytes, actor: Actor) -> Iterator[Message | None]:
    try:
        wish = Subscribe.model_validate_json(text)
    except ValidationError as error:
        raise Invalid.fields((field or "message", words) for field, words in findings(error)) from error
    sessions = current_app.extensions["gateway_sessions"]
    try:
        with unit_of_work(sessions, actor, request_id=g.request_id, read_only=True) as unit:
            return service.subscribe(unit, fanout(), tuple(wish.subscribe), wish.filter, wish.since)
    except SQLAlchemyError as error:
        raise NotReady("The database does not answer at the moment; subscribe again in a few seconds.") from error


def _send(line: Line, messages: Iterator[Message | None]) -> None:
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
