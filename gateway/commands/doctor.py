"""`app.py doctor`: tries every part the main job needs and says how to mend what is missing."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import text

from gateway import ROOT, registry
from gateway.adapters.providers.local_model import catalogue
from gateway.adapters.sandboxes.base import SandboxUnavailable
from gateway.adapters.sandboxes.registry import choose
from gateway.commands.database import database
from gateway.commands.keys import NO_KIT, key_store
from gateway.core.capability import Capability
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, check_server
from gateway.core.errors import AlreadyRunning, MissingPart
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import unit_of_work
from gateway.features.credentials import service_keys
from gateway.features.system import service
from gateway.features.system.capabilities import native_window

LEAST_FREE_MIB = 200

DURABLE = ("fsync", "synchronous_commit")
"""Settings of a server that have it wait for the disk before it says that something is stored."""


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there, whether the main job needs it, what is so or what to do."""

    part: str
    ok: bool
    needed: bool
    words: str


def report(config: Config, say: Callable[[str], None]) -> bool:
    """Says a line for each part; returns whether the main job can run."""
    told = list(_findings(config))
    findings = [each for each in told if isinstance(each, Finding)]
    for finding in findings:
        mark = "ok     " if finding.ok else "missing" if finding.needed else "without"
        say(f"{mark}  {finding.part}: {finding.words}")
    for capability in (each for each in told if isinstance(each, Capability)):
        say(_line(capability))
    return all(finding.ok for finding in findings if finding.needed)


def _line(capability: Capability) -> str:
    if not capability.available:
        return f"off      {capability.name}: {capability.reason} {capability.remedy}"
    lists = (value for value in capability.details.values() if isinstance(value, list) and value)
    words = "; ".join(", ".join(map(str, value)) for value in lists)
    return f"on       {capability.name}" + (f": {words}" if words else "")


def _told(config: Config, opened: Database) -> list[Capability]:
    """What `GET /v1/capabilities` tells, where a schema has been made; nodes are there only while a gateway runs."""
    with opened.engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('node_samples')")).scalar() is None:
            return []
    with unit_of_work(opened.sessions, SYSTEM) as work:
        return service.everything(work, config, registry.capabilities())


def _findings(config: Config) -> Iterator[Finding | Capability]:
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
    is_enough = free > LEAST_FREE_MIB
    remedy = "" if is_enough else f"; make that {LEAST_FREE_MIB}, or name another directory with --data-dir"
    return Finding("data directory", is_enough, True, f"{config.data_dir}, {free} MiB free{remedy}")


def _database(config: Config) -> Iterator[Finding | Capability]:
    try:
        with database(config) as url:
            opened = Database(url, pool_size=1)
            try:
                check_server(opened.engine)
                yield Finding("database", True, True, "external" if config.database_url else "embedded PostgreSQL")
                yield from durability(opened)
                yield _emergency_kit(config, opened)
                yield from _told(config, opened)
            finally:
                opened.dispose()
    except (MissingPart, AlreadyRunning) as error:
        yield Finding("database", False, True, str(error))


def durability(opened: Database) -> Iterator[Finding]:
    """A note where a server of one's own may forget what it has acknowledged; the embedded one never does."""
    with opened.engine.connect() as connection:
        off = [name for name in DURABLE if connection.execute(text(f"SHOW {name}")).scalar() == "off"]
    if off:
        words = f"{' and '.join(off)} off: a power loss may take what was acknowledged; turn that on in the server."
        yield Finding("durability", False, False, words)


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
    found = native_window()
    return Finding(
        "native window", found.available, False, f"{found.reason} {found.remedy}" if found.reason else "pywebview"
    )
