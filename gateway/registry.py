"""The rooms, listed once. Gateway, node and migrations load the doors they need from here."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from gateway.core.purging import Purgeable
from gateway.core.resources import Kind, Kinds
from gateway.core.whys import Traceable

ROOMS = (
    "audit",
    "settings",
    "access",
    "identity",
    "projects",
    "preferences",
    "credentials",
    "providers",
    "limits",
    "nodes",
    "events",
    "sessions",
    "artifacts",
    "runs",
    "processes",
    "tasks",
    "connectors",
    "messaging",
    "schedules",
    "agents",
    "retention",
    "traces",
    "chat",
    "hooks",
    "openai",
    "mcp",
    "conformance",
    "system",
)

CORE_TABLES = (
    "gateway.core.audit",
    "gateway.core.causes",
    "gateway.core.events",
    "gateway.core.idempotency",
    "gateway.core.tombstones",
)
"""Modules of the core that declare tables."""


def doors(name: str) -> list[ModuleType]:
    """The door `name` ("api", "jobs", "models") of every room that has one, in the rooms' order."""
    paths = (f"gateway.features.{room}.{name}" for room in ROOMS)
    return [import_module(path) for path in paths if find_spec(path) is not None]


def actions() -> dict[str, str]:
    """The catalogue of actions, all decided by policy: what each room says can be done with it, with what it means."""
    return {name: words for door in doors("actions") for name, words in door.ACTIONS.items()}


def recorded() -> dict[str, str]:
    """What besides stands in audit records, though nobody is asked for it: who signs in has no rights yet."""
    return {name: words for door in doors("actions") for name, words in getattr(door, "RECORDED", {}).items()}


def resources() -> Kinds:
    """What actions are aimed at, by kind: as each room describes its own things to the policy."""
    found: dict[str, list[Kind]] = {}
    for door in doors("actions"):
        for kind in door.RESOURCES:
            found.setdefault(kind.name, []).append(kind)
    return found


def purges() -> dict[str, Purgeable]:
    """What can be purged, by the word that policies use for it."""
    return {each.sort: each for door in doors("purges") for each in door.PURGES}


def traceables() -> dict[str, Traceable]:
    """What rooms know of causes and effects, by the word of a thing's path."""
    return {each.kind: each for door in doors("traces") for each in door.TRACEABLE}


def capabilities() -> dict[str, Any]:
    """Every room with its door that tells what of it is there, or None."""
    finders = {door.__name__.split(".")[-2]: door.found for door in doors("capabilities")}
    return {room: finders.get(room) for room in ROOMS}


def load_tables() -> None:
    """Imports every table, so that foreign keys resolve and migrations see all of the schema."""
    for path in CORE_TABLES:
        import_module(path)
    doors("models")
