"""The caller: who acts, with which rights, from where. Made once per request or job, never changed."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

SYSTEM_USER_ID = uuid.UUID("00000000-0000-7000-8000-000000000001")
"""The reserved user `system`, owner of what the system itself creates (contract "Identity")."""

ROLES = ("owner", "admin", "operator", "member", "viewer")


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated caller.

    `scopes` is None for full use of the user's rights, else the action globs that an API token allows.
    `credential_id` names the session or token that was used; `address` is the peer's IP address. `expires_at` is
    the end of an access token, which comes before that of its session.
    """

    user_id: uuid.UUID
    handle: str
    roles: frozenset[str]
    via: str
    scopes: tuple[str, ...] | None = None
    credential_id: uuid.UUID | None = None
    address: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)
    expires_at: datetime | None = None


SYSTEM = Actor(user_id=SYSTEM_USER_ID, handle="system", roles=frozenset({"owner"}), via="system")
"""The system acting for itself: the clock, the node, the command line."""
