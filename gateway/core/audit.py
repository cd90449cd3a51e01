"""The audit record, write side: who did what to what, and what was decided.

Records are numbered without gaps and chained: each hash covers the record and the hash before it. The database
does both, in `audit_append` of migration 0004. Reading and verifying them is the audit room's.
"""

import json
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from .clock import new_id, now
from .database import Base
from .driver.statements import Statement
from .identity import Actor
from .policy import Resource

ORIGIN = bytes(32)
"""The hash before the first record."""


ROOM = "split_part(action, '.', 1)"
"""The room of a record's action."""

_DENIED = text("decision = 'deny'")
_NOT_ALLOWED = text("decision <> 'allow'")
"""The same rows in other words. PostgreSQL underestimates walking through all denials so much that it would rather do
that than use an index on those of one actor or room, unless these do not answer to the same condition.
"""


class AuditHead(Base):
    """Number and hash of the newest record; exactly one row."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[bytes]


class AuditRecord(Base):
    """One decision. Append-only; kept when what it speaks of is purged, hence no foreign keys.

    A partition holds a month: ids carry their time, so that paging by id and filters by time touch few of them.
    """

    __tablename__ = "audit_records"
    __table_args__ = (
        CheckConstraint("decision IN ('allow', 'deny')", name="decision"),
        Index("ix_audit_records_seq", "seq"),
        Index("ix_audit_records_actor_id_id", "actor_id", "id"),
        Index("ix_audit_records_actor_id", "actor", "id"),
        Index("ix_audit_records_action_id", "action", "id", postgresql_ops={"action": "text_pattern_ops"}),
        Index("ix_audit_records_resource_kind_id", "resource_kind", "id"),
        Index("ix_audit_records_resource_id_id", "resource_id", "id", postgresql_where=text("resource_id IS NOT NULL")),
        Index("ix_audit_records_via_id", "via", "id"),
        Index("ix_audit_records_actor_id_via_id", "actor_id", "via", "id"),
        Index("ix_audit_records_request_id", "request_id", postgresql_where=text("request_id IS NOT NULL")),
        # Denials are few and looked for often: indexes of their own cost next to nothing.
        Index("ix_audit_records_denied", "id", postgresql_where=_DENIED),
        Index("ix_audit_records_denied_actor", "actor", "id", postgresql_where=_NOT_ALLOWED),
        Index("ix_audit_records_denied_actor_id", "actor_id", "id", postgresql_where=_NOT_ALLOWED),
        Index("ix_audit_records_denied_room", text(ROOM), "id", postgresql_where=_NOT_ALLOWED),
        Index(
            "ix_audit_records_denied_action",
            "action",
            "id",
            postgresql_where=_NOT_ALLOWED,
            postgresql_ops={"action": "text_pattern_ops"},
        ),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
    time: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str]
    groups: Mapped[list[str]]
    roles: Mapped[list[str]]
    via: Mapped[str]
    credential_id: Mapped[uuid.UUID | None]
    action: Mapped[str]
    resource_kind: Mapped[str]
    resource_id: Mapped[str | None]
    project_id: Mapped[uuid.UUID | None]
    decision: Mapped[str]
    reason: Mapped[str]
    rule: Mapped[str | None]
    request_id: Mapped[str | None]
    address: Mapped[str | None]

    @property
    def resource(self) -> Resource:
        """What the action was aimed at."""
        return Resource(self.resource_kind, self.resource_id, project_id=self.project_id)


def audit_row(
    actor: Actor | None,
    action: str,
    resource: Resource,
    *,
    allowed: bool,
    reason: str,
    rule: str | None = None,
    request_id: str | None,
) -> dict[str, Any]:
    """The column values of one record; `actor` is None for a caller nobody knows. `rule` names what decided."""
    return {
        "id": new_id(),
        "time": now(),
        "actor_id": actor.user_id if actor else None,
        "actor": actor.handle if actor else "anonymous",
        "groups": sorted(actor.groups) if actor else [],
        "roles": sorted(actor.roles) if actor else [],
        "via": (actor.through or actor.via) if actor else "none",
        "credential_id": actor.credential_id if actor else None,
        "action": action,
        "resource_kind": resource.kind,
        "resource_id": str(resource.id) if resource.id is not None else None,
        "project_id": resource.project_id,
        "decision": "allow" if allowed else "deny",
        "reason": reason,
        "rule": rule,
        "request_id": request_id,
        "address": actor.address if actor else None,
    }


def appended(rows: list[dict[str, Any]]) -> Statement:
    """What numbers, chains and stores rows of `audit_row`. It takes the lock on the chain's head until the commit.

    So it comes last, but for `events.appended`, which takes the lock on event numbers: everyone takes these two in
    this order.
    """
    return "SELECT audit_append(%(records)s::jsonb)", {"records": json.dumps(rows, default=str)}
