"""One log line and one measurement per request, and the headers that every answer carries."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import cast

import structlog
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram
from werkzeug.wsgi import ClosingIterator

from .answers import complete, is_websocket

REQUESTS = Counter("gateway_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "gateway_request_seconds", "Time to answer, streams up to their first byte.", ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that are counted by name; a caller's inventions share one name, so that memory stays flat."""

SAFE = {
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip
OF_API = {**SAFE, "Cache-Control": "no-store"}

log = structlog.get_logger("gateway.http")


def install(app: Flask) -> None:
    """Measures and logs every request, and adds the headers that every answer carries."""

    @app.before_request
    def start_clock() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        route = request.url_rule.rule if request.url_rule is not None else "unmatched"
        method = request.method if request.method in METHODS else "other"
        actor = g.get("actor")
        tell = cache(
            partial(
                _tell, method, route, response.status_code, seconds, g.get("request_id"),
                actor.handle if actor else None,
            )
        )  # fmt: skip
        if is_websocket():
            tell()
        elif response.is_streamed:
            body = cast("Iterable[bytes]", response.response)
            ends = [tell, body.close] if hasattr(body, "close") else [tell]
            response.response = ClosingIterator(_told_after_the_first(body, tell), ends)
        else:
            response.call_on_close(tell)  # once it is sent: nobody waits for that
        response.headers["X-Request-Id"] = g.get("request_id", "")
        complete(response, OF_API if request.path.startswith("/v1/") else SAFE)
        return response


def _told_after_the_first(pieces: Iterable[bytes], tell: Callable[[], None]) -> Iterator[bytes]:
    """A body whose reader has its first piece before it is told of."""
    for piece in pieces:
        yield piece
        tell()


def _tell(method: str, route: str, status: int, seconds: float, request_id: str | None, handle: str | None) -> None:
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
    ms = round(seconds * 1000, 2)
    log.info("request", method=method, route=route, status=status, ms=ms, request_id=request_id, actor=handle)
