"""The policies, with what each has purged until now."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource


class RetentionPolicy(Base):
    """How long, how many and how much of one sort is kept, in a project or everywhere else.

    That of the whole system belongs to the reserved user `system`, that of a project to the project's owner.
    """

    __tablename__ = "retention_policies"
    __table_args__ = (
        CheckConstraint("(scope_id IS NULL) = (scope_type = 'system')", name="scope_id"),
        CheckConstraint("scope_type IN ('system', 'project')", name="scope_type"),
        CheckConstraint("num_nonnulls(max_age_days, max_count, max_bytes) > 0", name="some_limit"),
        CheckConstraint("max_age_days > 0 AND max_count >= 0 AND max_bytes >= 0", name="limits"),
        UniqueConstraint("sort", "scope_id", postgresql_nulls_not_distinct=True),
        Index("ix_retention_policies_owner_id_id", "owner_id", "id"),
        Index("ix_retention_policies_scope_id_id", "scope_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    scope_type: Mapped[str]
    scope_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    sort: Mapped[str]
    max_age_days: Mapped[int | None]
    max_count: Mapped[int | None]
    max_bytes: Mapped[int | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    purged_count: Mapped[int] = mapped_column(default=0)
    purged_bytes: Mapped[int] = mapped_column(default=0)
    purged_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    __mapper_args__ = {"version_id_col": version, "eager_defaults": False}

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("retention_policies", self.id, self.owner_id, self.scope_id)
