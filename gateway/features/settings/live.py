"""The values as a process uses them: held in memory, read anew at most once a second.

Whoever asks never waits for more than one small query, and uses the last known values while there is no database.
"""

import math
import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.core.config import Config
from gateway.core.database import AT_ONCE

from . import queries
from .known import KNOWN

log = structlog.get_logger("gateway.settings")

FRESH_S = 1.0
"""How long a process may not know of a change that another one made."""


class Live:
    """The settings of one process on one database."""

    def __init__(self, engine: Engine, fixed: Mapping[str, Any]) -> None:
        self.fixed = dict(fixed)
        self._engine = engine
        self._turn = threading.Lock()
        self._values: dict[str, Any] = {}
        self._read_at = -math.inf
        self._changes = 0
        self._apply({})

    def value(self, key: str) -> Any:
        """The value in force, of the type that the setting has."""
        if time.monotonic() - self._read_at > FRESH_S:
            self._refresh()
        return self._values[key]

    def forget(self) -> None:
        """The next to ask reads anew: for a change that this process has made itself."""
        self._changes += 1
        self._read_at = -math.inf

    def _refresh(self) -> None:
        if not self._turn.acquire(blocking=math.isinf(self._read_at)):
            return  # somebody is at it; the values of a moment ago will do
        try:
            changes, began = self._changes, time.monotonic()
            try:
                with Session(self._engine) as session:
                    session.connection(execution_options=AT_ONCE)
                    self._apply({key: row.value for key, row in queries.stored(session).items()})
            except SQLAlchemyError as error:
                log.warning("the settings cannot be read; the last known ones hold", error=type(error).__name__)
            if changes == self._changes:
                self._read_at = began
        finally:
            self._turn.release()

    def _apply(self, stored: Mapping[str, Any]) -> None:
        defaults = {key: setting.default for key, setting in KNOWN.items()}
        changed = {key: value for key, value in stored.items() if key in KNOWN and value is not None}
        self._values = {**defaults, **changed, **self.fixed}


_LIVE: dict[Engine, Live] = {}
"""One entry, since a process has one database."""


def of(engine: Engine) -> Live:
    """The settings of this process on that database."""
    live = _LIVE.get(engine)
    return live if live is not None else _LIVE.setdefault(engine, Live(engine, {}))


def start(engine: Engine, config: Config) -> Live:
    """As `of`, with what this process's configuration was explicitly given: that decides."""
    given = {
        setting.key: getattr(config, setting.config_field)
        for setting in KNOWN.values()
        if setting.config_field is not None and setting.config_field in config.model_fields_set
    }
    _LIVE[engine] = live = Live(engine, given)
    return live
