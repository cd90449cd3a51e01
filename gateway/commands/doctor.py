"""`app.py doctor`: tries every part the main job needs and says how to mend what is missing."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from sqlalchemy import text

from gateway.adapters.providers.local_model import catalogue
from gateway.adapters.sandboxes.base import SandboxUnavailable
from gateway.adapters.sandboxes.registry import choose
from gateway.application import ROOT
from gateway.commands.database import database
from gateway.commands.keys import NO_KIT, key_store
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, check_server
from gateway.core.errors import AlreadyRunning, MissingPart
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import unit_of_work
from gateway.features.credentials import service_keys


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there, whether the main job needs it, what is so or what to do."""

    part: str
    ok: bool
    needed: bool
    words: str


def report(config: Config, say: Callable[[str], None]) -> bool:
    """Says a line for each part; returns whether the main job can run."""
    findings = list(_findings(config))
    for finding in findings:
        mark = "ok     " if finding.ok else "missing" if finding.needed else "without"
        say(f"{mark}  {finding.part}: {finding.words}")
    return all(finding.ok for finding in findings if finding.needed)


def _findings(config: Config) -> Iterator[Finding]:
    yield Finding("Python", True, True, sys.version.split()[0])
    yield _data_directory(config)
    yield from _database(config)
    yield _sandbox()
    yield _assets()
    yield _model(config)
    yield _window()


def _data_directory(config: Config) -> Finding:
    try:
        DataDir(config.data_dir).prepare()
    except MissingPart as error:
        return Finding("data directory", False, True, str(error))
    free = shutil.disk_usage(config.data_dir).free // 2**20
    return Finding("data directory", free > 200, True, f"{config.data_dir}, {free} MiB free")


def _database(config: Config) -> Iterator[Finding]:
    try:
        with database(config) as url:
            opened = Database(url, pool_size=1)
            try:
                check_server(opened.engine)
                yield Finding("database", True, True, "external" if config.database_url else "embedded PostgreSQL")
                yield _emergency_kit(config, opened)
            finally:
                opened.dispose()
    except (MissingPart, AlreadyRunning) as error:
        yield Finding("database", False, True, str(error))


def _emergency_kit(config: Config, opened: Database) -> Finding:
    """A note, never a failure: where nothing was kept yet, nothing can be lost."""
    with opened.engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('recovery_keys')")).scalar() is None:
            return Finding("emergency kit", False, False, NO_KIT)
    with unit_of_work(opened.sessions, SYSTEM) as work:
        made_at = service_keys.kit_made_at(work)
        found = service_keys.status(work, key_store(config))
    if lost := [key.kid for key in found if key.secrets and not key.places]:
        words = f"The master key {lost[0]} is missing; put it back, or run `app.py key recover`."
        return Finding("master key", False, False, words)
    return Finding("emergency kit", made_at is not None, False, f"made on {made_at:%Y-%m-%d}" if made_at else NO_KIT)


def _sandbox() -> Finding:
    try:
        return Finding("sandbox", True, True, asyncio.run(choose()).kind)
    except SandboxUnavailable as error:
        return Finding("sandbox", False, True, str(error))


def _assets() -> Finding:
    built = (ROOT / "static" / "vendor").is_dir()
    return Finding("console assets", built, True, "built" if built else "Run `make install` to build them.")


def _model(config: Config) -> Finding:
    here = [model.name for model in catalogue.list_local(config.models_path)]
    words = (
        ", ".join(here)
        or "None fetched yet; the first prompt task fetches one, or run `app.py model pull smollm2-135m`."
    )
    return Finding("local model", bool(here), False, words)


def _window() -> Finding:
    if find_spec("webview") is None:
        return Finding(
            "native window",
            False,
            False,
            "pywebview is not installed; the browser is used. Run `make install`.",
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Finding("native window", False, False, "There is no display; the address is printed instead.")
    return Finding("native window", True, False, "pywebview")
