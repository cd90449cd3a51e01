"""One log line and one measurement per request, and the headers that every answer carries."""

import time

import structlog
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("gateway_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "gateway_request_seconds", "Time to answer, streams up to their first byte.", ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip

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
        REQUESTS.labels(request.method, route, response.status_code).inc()
        SECONDS.labels(request.method, route).observe(seconds)
        actor = g.get("actor")
        log.info(
            "request", method=request.method, route=route, status=response.status_code, ms=round(seconds * 1000, 2),
            request_id=g.get("request_id"), actor=actor.handle if actor else None,
        )  # fmt: skip
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        if request.path.startswith("/v1/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
