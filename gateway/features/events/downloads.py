"""Ends answers that are still on their way – files, exports, streams – when the identity that asked for them ends."""

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from socket import SHUT_RDWR, socket
from typing import cast

import gevent
from flask import Flask, Response, current_app, g, request
from werkzeug.wsgi import ClosingIterator

from gateway.core.http.answers import CLIENT
from gateway.core.identity import Actor

from .watch import Watch

LAST_WORD_S = 0.2
"""How long an answer that knows how to end itself has for it."""


class Download:
    """The body of one answer, and the connection that it goes over."""

    def __init__(self, actor: Actor, client: socket) -> None:
        self.actor = actor
        self._client = client
        self._is_over = False

    def go_on_as(self, actor: Actor) -> None:
        """What has begun with the rights of then is finished."""
        self.actor = actor

    def end(self) -> None:
        """Cuts the connection, unless the answer ends by itself in a moment."""
        gevent.spawn_later(LAST_WORD_S, self._cut)

    def over(self) -> None:
        """The answer has been sent: what comes next on the connection is none of its business."""
        self._is_over = True

    def _cut(self) -> None:
        if not self._is_over:
            with suppress(OSError):
                self._client.shutdown(SHUT_RDWR)


def install(app: Flask) -> None:
    """Watches over every body that is not sent in one piece. Needs the fan-out."""

    @app.after_request
    def watch_body(response: Response) -> Response:
        client = request.environ.get(CLIENT)
        if client is None or not response.is_streamed or "actor" not in g or g.actor.credential_id is None:
            return response
        watch: Watch = current_app.extensions["fanout"].watch
        open_ = ExitStack()
        download = Download(g.actor, client)
        open_.enter_context(watch.over(download))
        open_.callback(download.over)
        if response.direct_passthrough:  # a file's own iterator is sent, and closed, in place of the response
            response.response = ClosingIterator(cast("Iterable[bytes]", response.response), open_.close)
        else:
            response.call_on_close(open_.close)
        return response
