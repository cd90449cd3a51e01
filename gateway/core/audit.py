"""The audit record, write side: who did what to what, and what was decided."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from .clock import new_id, now
from .database import Base
from .identity import Actor
from .policy import Resource


class AuditRecord(Base):
    """One decision. Append-only; kept when what it speaks of is purged, hence no foreign keys."""

    __tablename__ = "audit_records"
    __table_args__ = (
        CheckConstraint("decision IN ('allow', 'deny')", name="decision"),
        Index("ix_audit_records_actor_id_id", "actor_id", "id"),
        Index("ix_audit_records_action_id", "action", "id"),
        Index("ix_audit_records_resource_id_id", "resource_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    time: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str]
    roles: Mapped[list[str]]
    via: Mapped[str]
    action: Mapped[str]
    resource_kind: Mapped[str]
    resource_id: Mapped[str | None]
    decision: Mapped[str]
    reason: Mapped[str]
    request_id: Mapped[str | None]
    address: Mapped[str | None]


def audit_row(
    actor: Actor | None,
    action: str,
    resource: Resource,
    *,
    allowed: bool,
    reason: str,
    request_id: str | None,
) -> dict[str, Any]:
    """The column values of one record; `actor` is None for a caller nobody knows."""
    return {
        "id": new_id(),
        "time": now(),
        "actor_id": actor.user_id if actor else None,
        "actor": actor.handle if actor else "anonymous",
        "roles": sorted(actor.roles) if actor else [],
        "via": actor.via if actor else "none",
        "action": action,
        "resource_kind": resource.kind,
        "resource_id": str(resource.id) if resource.id is not None else None,
        "decision": "allow" if allowed else "deny",
        "reason": reason,
        "request_id": request_id,
        "address": actor.address if actor else None,
    }
