"""The caller: who acts, with which rights, from where. Made once per request or job, never changed."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from .rights import Rights

SYSTEM_USER_ID = uuid.UUID("00000000-0000-7000-8000-000000000001")
"""The reserved user `system`, owner of what the system itself creates (docs/sign-in.md)."""


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated caller.

    `rights` are the user's at this moment, with all that groups, projects and rules add; None stands for those of
    `roles`. `scopes` is None for full use of them, else the action globs that an API token allows.
    `credential_id` names the session or token that was used; `address` is the peer's IP address. `expires_at` is
    the end of an access token, which comes before that of its session. `only_read` are action globs of which only
    the reading actions are left, because content from outside has a say in what the actor does. `through` is the
    program that a model acts by in the caller's name, `mcp` or `agent`; nothing where they act themselves.
    """

    user_id: uuid.UUID
    handle: str
    roles: frozenset[str]
    via: str
    scopes: tuple[str, ...] | None = None
    credential_id: uuid.UUID | None = None
    address: str | None = None
    expires_at: datetime | None = None
    rights: Rights | None = None
    only_read: tuple[str, ...] = ()
    through: str = ""

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups whose rights the actor has."""
        return self.rights.groups if self.rights is not None else ()


SYSTEM = Actor(user_id=SYSTEM_USER_ID, handle="system", roles=frozenset({"owner"}), via="system")
"""The system acting for itself: the clock, the node, the command line."""
