"""Structured logs and metrics: one line and one measurement per request, never a body, never a secret."""

import logging
import logging.handlers
import time
from pathlib import Path

import structlog
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("gateway_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "gateway_request_seconds", "Time to answer, streams up to their first byte.", ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip

LOG_BYTES = 10 * 2**20
LOG_FILES = 3

log = structlog.get_logger("gateway.http")


def configure(directory: Path | None, level: str, process: str) -> None:
    """JSON lines into `directory`/`process`.log, rotated; warnings and worse on standard error too."""
    handlers: list[logging.Handler] = []
    if directory is not None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(
            directory / f"{process}.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
        handlers.append(file)
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    handlers.append(console)
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(handlers=handlers, level=level.upper(), force=True)
    for noisy in ("procrastinate", "httpx", "httpcore", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )


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
