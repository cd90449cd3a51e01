"""The rooms, listed once. Gateway, node and migrations load the doors they need from here."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

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
    "artifacts",
    "runs",
    "tasks",
    "agents",
    "chat",
    "openai",
    "system",
)

CORE_TABLES = ("gateway.core.audit", "gateway.core.events", "gateway.core.idempotency")
"""Modules of the core that declare tables."""


def doors(name: str) -> list[ModuleType]:
    """The door `name` ("api", "jobs", "models") of every room that has one, in the rooms' order."""
    paths = (f"gateway.features.{room}.{name}" for room in ROOMS)
    return [import_module(path) for path in paths if find_spec(path) is not None]


def actions() -> dict[str, str]:
    """The catalogue of actions: what each room says can be done with it, with what it means."""
    return {name: words for door in doors("actions") for name, words in door.ACTIONS.items()}


def load_tables() -> None:
    """Imports every table, so that foreign keys resolve and migrations see all of the schema."""
    for path in CORE_TABLES:
        import_module(path)
    doors("models")
