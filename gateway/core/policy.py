"""The one decision: may this actor do this action on this resource?

Pure functions over plain values. Default deny. The access room will fill in roles, bindings and
rules; the doors (`can`, `visible_to_all`) stay.
"""

import uuid
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .identity import SYSTEM_USER_ID, Actor

ROLE_ACTIONS: dict[str, tuple[str, ...]] = {
    "owner": ("*",),
    "admin": ("*",),
    "operator": (
        "*.read", "audit.*", "tasks.*", "runs.*", "artifacts.*", "projects.*", "nodes.*", "models.*", "events.*",
        "self.*",
    ),
    "member": (
        "tasks.*", "runs.*", "artifacts.*", "projects.*", "models.*", "events.*",
        "preferences.read", "preferences.write", "preferences.delete", "spend_limits.read", "audit.read",
        "audit.export", "capabilities.read", "queue.read", "self.*",
        "credentials.create", "credentials.read", "credentials.update", "credentials.rotate", "credentials.disable",
        "credentials.enable", "credentials.delete", "credentials.use", "credentials.read_keys", "providers.read",
    ),
    "viewer": (
        "tasks.read", "runs.read", "artifacts.read", "projects.read", "models.read", "events.read",
        "preferences.read", "capabilities.read", "queue.read", "self.*", "audit.read", "providers.read",
    ),
}  # fmt: skip
"""Which action globs each built-in role allows."""

SEES_ALL = frozenset({"owner", "admin", "operator"})
"""Roles that see what others own."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is aimed at. `owner_id` is None for what belongs to no single user."""

    kind: str
    id: uuid.UUID | str | None = None
    owner_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome with what it rests on, in words."""

    allowed: bool
    reason: str


def can(actor: Actor, action: str, resource: Resource) -> Decision:
    """Decides; never raises. `action` is dotted, room first: `tasks.cancel`."""
    if actor.user_id == SYSTEM_USER_ID:
        return Decision(True, "the system itself")
    if actor.scopes is not None and not any(fnmatchcase(action, scope) for scope in actor.scopes):
        return Decision(False, f"the token's scopes do not include {action}")
    role = next((role for role in sorted(actor.roles) if _role_allows(role, action)), None)
    if role is None:
        return Decision(False, f"no role of {actor.handle} includes {action}")
    if is_hidden(actor, resource):
        return Decision(False, "it belongs to another user")
    return Decision(True, f"role {role}")


def is_hidden(actor: Actor, resource: Resource) -> bool:
    """Whether the actor may not even know of the resource: it belongs to another user."""
    return resource.owner_id is not None and resource.owner_id != actor.user_id and not sees_all(actor)


def sees_all(actor: Actor) -> bool:
    """Whether lists show this actor what other users own."""
    return actor.user_id == SYSTEM_USER_ID or bool(actor.roles & SEES_ALL)


def allowed_actions(actor: Actor) -> list[str]:
    """The action globs the actor holds, for a client that hides what is not allowed."""
    granted = sorted({glob for role in actor.roles for glob in ROLE_ACTIONS.get(role, ())})
    return granted if actor.scopes is None else sorted(actor.scopes)


def _role_allows(role: str, action: str) -> bool:
    return any(fnmatchcase(action, glob) for glob in ROLE_ACTIONS.get(role, ()))
