"""What is there and what is missing, read off the parts themselves."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sqlalchemy import text

from gateway.core.capability import Capability, on, on_if
from gateway.core.config import Config
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.nodes import service as nodes

from .schemas import Capabilities, CapabilityOut, Readiness, Reason

Finder = Callable[[Work, Config], Iterable[Capability]]
"""The door `capabilities` of a room: what of it is there."""

PROMISED = frozenset(
    {"api_egress", "connectors", "external_routing", "mcp", "messaging", "schedules", "secure_browser"}
)
"""Names that clients may count on, whatever this version has."""

LEAST_FREE_BYTES = 200 * 2**20
"""Below this much free disk the gateway says so before writes begin to fail."""


def readiness(work: Work, config: Config) -> Readiness:
    """Why the main job could not run now. The database has answered when this is reached."""
    work.session.execute(text("SELECT 1"))
    reasons = _node_reasons(work, config) + _disk_reasons(config.data_dir)
    return Readiness(ready=not reasons, reasons=reasons)


def capabilities(work: Work, config: Config, rooms: Mapping[str, Finder | None]) -> Capabilities:
    """Every service and feature that the rooms tell of, by name, and those that no room has.

    A room without a door for it is there as a whole.
    """
    work.allow("capabilities.read", Resource("capabilities"))
    return Capabilities(items=[CapabilityOut.model_validate(found) for found in everything(work, config, rooms)])


def everything(work: Work, config: Config, rooms: Mapping[str, Finder | None]) -> list[Capability]:
    """The same for whoever needs no leave to ask, such as the doctor on this machine."""
    found = {name: on(name) for name in rooms if name != "system"}
    if "connectors" in rooms:
        found["api_egress"] = on("api_egress", through="connectors")
    found |= {each.name: each for door in rooms.values() if door for each in door(work, config)}
    for name in PROMISED - found.keys():
        found[name] = on_if(False, name, "This version does not have it.", "Upgrade to one that does.")
    return [found[name] for name in sorted(found)]


def _node_reasons(work: Work, config: Config) -> list[Reason]:
    online = nodes.online(work)
    if not online:
        remedy = "It is being started; wait a few seconds." if config.node else "Start one with `app.py node`."
        return [Reason(part="node", reason="No node is online, so no task can run.", remedy=remedy)]
    sandboxes = [node.capabilities.get("sandbox", {}) for node in online]
    if any(sandbox.get("ok") for sandbox in sandboxes):
        return []
    first = sandboxes[0]
    return [
        Reason(
            part="sandbox",
            reason=first.get("reason") or "There is no sandbox.",
            remedy=first.get("remedy") or "",
        )
    ]


def _disk_reasons(data_dir: Path) -> list[Reason]:
    free = shutil.disk_usage(data_dir).free
    if free >= LEAST_FREE_BYTES:
        return []
    reason = f"The disk of the data directory has only {free // 2**20} MiB left."
    return [Reason(part="disk", reason=reason, remedy="Free some space.")]
