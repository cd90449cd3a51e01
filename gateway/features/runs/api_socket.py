"""A run's log and status, live over a WebSocket of its own."""

import uuid
from collections.abc import Iterator
from contextlib import suppress

import gevent
from flask import Response, current_app, g, request
from flask_sock import Sock
from pydantic import ValidationError
from simple_websocket import ConnectionClosed, Server

from gateway.core.http.problems import invalid_from
from gateway.core.unit_of_work import unit_of_work
from gateway.features.events.line import Line

from . import service, service_logs, tail
from .schemas import RunStreamQuery


def add_websocket(sock: Sock) -> None:
    """Adds `/v1/runs/{id}/ws`. What cannot be followed is refused before the handshake, as any request is."""

    @sock.route("/v1/runs/<uuid:run_id>/ws", endpoint="run_socket")  # type: ignore[untyped-decorator]
    def follow(socket: Server, run_id: uuid.UUID, seq: int) -> None:
        line = Line(socket, g.actor)
        sessions, fanout = current_app.extensions["gateway_sessions"], current_app.extensions["fanout"]
        with fanout.watch.over(line):
            _follow(socket, line, tail.as_messages(tail.follow(sessions, fanout, line.actor, run_id, seq)))

    upgrade = sock.app.view_functions["run_socket"]

    def run_socket(run_id: uuid.UUID) -> Response:
        return upgrade(run_id, _begin(run_id))  # type: ignore[no-any-return]

    sock.app.view_functions["run_socket"] = run_socket


def _begin(run_id: uuid.UUID) -> int:
    """After which entry the caller wants the log. Raises NotFound, Forbidden, Invalid."""
    try:
        query = RunStreamQuery.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise invalid_from(error) from error
    sessions = current_app.extensions["gateway_sessions"]
    with unit_of_work(sessions, g.actor, request_id=g.request_id, read_only=True) as unit:
        return service_logs.begin(service.get(unit, run_id), query)


def _follow(socket: Server, line: Line, messages: Iterator[str]) -> None:
    """Sends until the run has ended or the client is gone, whose own messages mean nothing."""
    sender = gevent.spawn(_send, line, messages)
    try:
        while socket.receive() is not None:
            pass
    except (ConnectionClosed, OSError):
        return
    finally:
        sender.kill()


def _send(line: Line, messages: Iterator[str]) -> None:
    try:
        for message in messages:
            line.say(message)
        line.finish("the run has ended")
    except (ConnectionClosed, OSError):
        with suppress(OSError):
            line.hang_up()
