"""What is there and what is missing, read off the parts themselves."""

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gateway.core.config import Config
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service_keys
from gateway.features.nodes import service as nodes
from gateway.features.preferences import service as preferences
from gateway.features.preferences.constraints import DOMAINS
from gateway.features.settings import service as settings

from .schemas import Capabilities, Capability, Readiness, Reason

LATER = ("external_routing", "api_egress", "connectors", "messaging", "mcp")
"""Features of the contract that this version lacks, so that clients can tell."""

LIMITS = ("requests_per_minute", "concurrent_requests", "open_streams", "queue_share")
"""Settings that bind every user, so that a program can keep within them."""

LEAST_FREE_BYTES = 200 * 2**20
"""Below this much free disk the gateway says so before writes begin to fail."""


def readiness(work: Work, config: Config) -> Readiness:
    """Why the main job could not run now. The database has answered when this is reached."""
    work.session.execute(text("SELECT 1"))
    reasons = _node_reasons(work, config) + _disk_reasons(config.data_dir)
    return Readiness(ready=not reasons, reasons=reasons)


def capabilities(work: Work, config: Config) -> Capabilities:
    """Every service and feature with its availability."""
    work.allow("capabilities.read", Resource("capabilities"))
    online = nodes.online(work)
    sandboxes = [node.capabilities.get("sandbox", {}) for node in online]
    good = [sandbox for sandbox in sandboxes if sandbox.get("ok")]
    models = sorted({model["id"] for node in online for model in node.capabilities.get("models", [])})
    no_node = ("No node is online.", "Start one with `app.py node`, or the gateway without --no-node.")
    first: dict[str, Any] = next(iter(sandboxes), {})
    limits = {
        "body_bytes": config.body_limit_bytes,
        "upload_bytes": config.upload_limit_bytes,
        "output_bytes": config.output_limit_bytes,
        "task_timeout_s": settings.value(work, "tasks.default_timeout_s"),
        "longest_task_timeout_s": settings.value(work, "tasks.max_timeout_s"),
        **{name: settings.value(work, f"limits.{name}") for name in LIMITS},
    }
    no_sandbox = (first.get("reason") or no_node[0], first.get("remedy") or no_node[1])
    kit = service_keys.has_kit(work)
    external = config.database_url is not None
    held = preferences.constraints(work, work.actor.user_id, None)
    browses = any(entry.key == DOMAINS for entry in held)
    items = [
        _capability("node", bool(online), *no_node, online=len(online)),
        _capability("sandbox", bool(good), *no_sandbox, kinds=sorted({sandbox["kind"] for sandbox in good})),
        _capability("models", bool(models), *no_node, ids=models),
        _capability("external_database", external, "The embedded server is used.", "Start with --database-url URL."),
        _capability("recovery_kit", kit, "No emergency kit was made yet.", "Run `app.py key kit`, and print it."),
        _capability("secure_browser", browses, "No preference names domains that may be read.", f"Set {DOMAINS}."),
        _capability("limits", True, "", "", **limits),
        *(_capability(name, False, "This version does not have it.", "Upgrade to one that does.") for name in LATER),
    ]
    return Capabilities(items=items)


def _capability(name: str, available: bool, reason: str, remedy: str, **details: Any) -> Capability:
    why = {} if available else {"reason": reason, "remedy": remedy}
    return Capability(name=name, available=available, details=details, **why)


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
