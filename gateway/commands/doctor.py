"""`app.py doctor`: tries every part the main job needs and says how to mend what is missing."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from gateway.adapters.providers.local_model import catalogue
from gateway.adapters.sandboxes.base import SandboxUnavailable
from gateway.adapters.sandboxes.registry import choose
from gateway.application import ROOT
from gateway.commands.database import database
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, check_server
from gateway.core.errors import AlreadyRunning, MissingPart


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
    yield _database(config)
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


def _database(config: Config) -> Finding:
    try:
        with database(config) as url:
            opened = Database(url, pool_size=1)
            try:
                check_server(opened.engine)
            finally:
                opened.dispose()
    except (MissingPart, AlreadyRunning) as error:
        return Finding("database", False, True, str(error))
    return Finding("database", True, True, "external" if config.database_url else "embedded PostgreSQL")


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
