"""Stands in front of every request once its caller is known: rates, requests at once, open streams.

Public routes and page shells pass; they know no caller.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import cast

from flask import Flask, Response, g, request
from prometheus_client import Counter
from werkzeug.wsgi import ClosingIterator

from gateway.core.errors import TooMany
from gateway.core.http import inner
from gateway.core.http.answers import complete, is_websocket
from gateway.core.http.problems import render
from gateway.core.identity import Actor
from gateway.features.settings.live import Live

from .gate import Pacer, Slots, Standing, token_key, user_key

REFUSED = Counter("gateway_limited_total", "Requests refused with 429, by code.", ["code"])

EVENT_STREAM = "text/event-stream"


def install(app: Flask) -> None:
    """Adds the hooks. Needs the settings, and authentication before it."""
    front = Front(app.extensions["settings"])
    app.before_request(front.enter)
    app.after_request(front.leave)
    app.teardown_request(front.end)


class Front:
    """The counters of one gateway process."""

    def __init__(self, settings: Live) -> None:
        self._settings = settings
        self._pacer = Pacer()
        self._requests = Slots("requests at once", "too_many_concurrent")
        self._streams = Slots("open streams", "too_many_streams")

    def enter(self) -> None:
        """Before the view; what a view asks another for its caller is counted already. Raises TooMany."""
        actor: Actor = g.actor
        if actor.via == "none" or inner.ACTOR in request.environ:
            return
        try:
            g.standing = self._pacer.take(self._limits(actor, "requests_per_minute"))
            if is_websocket():
                g.give_back = self._take_stream(actor)
            else:
                at_once = self._settings.value("limits.concurrent_requests")
                g.give_back = self._requests.take([(user_key(actor.user_id), at_once)])
        except TooMany as error:
            REFUSED.labels(error.code).inc()
            raise

    def leave(self, response: Response) -> Response:
        """After the view: a stream is held to its own limit for as long as it is open, any other body to the first."""
        give_back: Callable[[], None] | None = g.pop("give_back", None)
        if give_back is None:
            return _with_standing(response)
        if is_websocket():
            give_back()
            return response
        if response.mimetype == EVENT_STREAM and response.status_code == 200:
            give_back()
            try:
                give_back = self._take_stream(g.actor)
            except TooMany as error:
                REFUSED.labels(error.code).inc()
                response.close()
                return render(error)
        if response.direct_passthrough:  # a file's own iterator is sent, and closed, in place of the response
            response.response = ClosingIterator(cast("Iterable[bytes]", response.response), give_back)
        else:
            response.call_on_close(give_back)
        return _with_standing(response)

    def end(self, error: BaseException | None) -> None:
        """When the request is over without an answer, gives back what it held."""
        if (give_back := g.pop("give_back", None)) is not None:
            give_back()

    def _take_stream(self, actor: Actor) -> Callable[[], None]:
        return self._streams.take(self._limits(actor, "open_streams"))

    def _limits(self, actor: Actor, name: str) -> list[tuple[Hashable, int]]:
        limits = [(user_key(actor.user_id), self._settings.value(f"limits.{name}"))]
        if actor.via == "token" and actor.credential_id is not None:
            limits.append((token_key(actor.credential_id), self._settings.value(f"limits.token_{name}")))
        return limits


def _with_standing(response: Response) -> Response:
    standing: Standing | None = g.get("standing")
    if standing is not None:
        complete(response, standing.headers())
    return response
