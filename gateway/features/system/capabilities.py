"""What belongs to no other room: the database's place, the window, the limits that bind everybody."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from gateway.core.capability import Capability, on, on_if
from gateway.core.config import Config
from gateway.core.unit_of_work import Work
from gateway.features.settings import service as settings

LIMITS = ("requests_per_minute", "concurrent_requests", "open_streams", "queue_share")
"""Settings that bind every user, so that a program can keep within them."""


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Database, window, API, limits."""
    external = config.database_url is not None
    remedy = "Start with --database-url URL of PostgreSQL 15 or newer."
    yield on_if(external, "external_database", "The embedded server is used.", remedy)
    yield native_window()
    yield on("openai", base_path="/v1")
    yield on("live_events", sse="/v1/events/stream", websocket="/v1/events/ws")
    yield on("limits", **limits(work, config))


def limits(work: Work, config: Config) -> dict[str, float | int]:
    """The figures that bind everybody."""
    return {
        "body_bytes": config.body_limit_bytes,
        "upload_bytes": config.upload_limit_bytes,
        "output_bytes": config.output_limit_bytes,
        "task_timeout_s": settings.value(work, "tasks.default_timeout_s"),
        "longest_task_timeout_s": settings.value(work, "tasks.max_timeout_s"),
        **{name: settings.value(work, f"limits.{name}") for name in LIMITS},
    }


def native_window() -> Capability:
    """Whether this machine can show the console in a window of its own."""
    if find_spec("webview") is None:
        reason = "pywebview is not installed; the browser is used."
        return on_if(False, "native_window", reason, "Run `make install`.")
    on_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    reason = "There is no display; the address is printed instead."
    remedy = "Start `python app.py` in a graphical session."
    return on_if(bool(on_screen) or not sys.platform.startswith("linux"), "native_window", reason, remedy)
