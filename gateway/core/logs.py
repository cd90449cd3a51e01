"""Structured logs: JSON lines in a rotated file of the data directory, never a body, never a secret."""

import logging
import logging.handlers
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

LOG_BYTES = 10 * 2**20
LOG_FILES = 3


class _File(logging.handlers.RotatingFileHandler):
    """Rotates once it is full. The library's own would render each line twice, to know before whether it still fits."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """Whether the next line goes into a new file."""
        if self.stream is None:
            self.stream = self._open()
        return self.stream.tell() >= self.maxBytes


def configure(directory: Path | None, level: str, process: str) -> None:
    """JSON lines into `directory`/`process`.log, rotated; warnings and worse, in one line, on standard error too."""
    handlers: list[logging.Handler] = []
    if directory is not None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{process}.log"
        handlers.append(_File(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"))
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    handlers.append(console)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    for handler in handlers:
        handler.setFormatter(_formatter(shared, [_without_traceback] if handler is console else []))
    logging.raiseExceptions = False  # a full disk must not add a traceback to every line
    logging.basicConfig(handlers=handlers, level=level.upper(), force=True)
    for noisy in ("procrastinate", "httpx", "httpcore", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )


def _formatter(shared: list[Processor], last: list[Processor]) -> logging.Formatter:
    remove, render = structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *last, render])


def _without_traceback(logger: Any, name: str, event: EventDict) -> EventDict:
    event.pop("exception", None)
    return event
