"""Groups, roles, bindings and rules, and the number that tells when any of them has changed."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import VersionedRow


class AccessVersion(Base):
    """Counts the changes of this room's tables; exactly one row. Rights read at one number hold until the next."""

    __tablename__ = "access_version"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class Group(VersionedRow, Base):
    """Users who get roles together. `external_id` is its name in a directory that it may be synchronised with."""

    __tablename__ = "groups"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    external_id: Mapped[str | None] = mapped_column(unique=True)
    is_active: Mapped[bool] = mapped_column(default=True)


class GroupMember(Base):
    """A user in a group; one who is not active has nothing of it. `external_id` is theirs in the group's directory."""

    __tablename__ = "group_members"
    __table_args__ = (
        Index("ix_group_members_user_id", "user_id"),
        Index("uq_group_members_group_id_external_id", "group_id", "external_id", unique=True),
    )

    group_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    external_id: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    added_at: Mapped[datetime] = mapped_column(default=now)


class RoleRow(VersionedRow, Base):
    """A role. What a built-in one may do stands in the code, so that a new release can extend it."""

    __tablename__ = "roles"
    __table_args__ = (CheckConstraint("reach IN ('own', 'all')", name="reach"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    actions: Mapped[list[str]]
    reach: Mapped[str] = mapped_column(default="own")
    own_actions: Mapped[list[str]] = mapped_column(default=list)
    is_builtin: Mapped[bool] = mapped_column(default=False)


class RoleBinding(VersionedRow, Base):
    """A role given to a user or a group, for the whole system or (`project_id`) in one project."""

    __tablename__ = "role_bindings"
    __table_args__ = (
        CheckConstraint("num_nonnulls(user_id, group_id) = 1", name="subject"),
        UniqueConstraint("user_id", "group_id", "role_id", "project_id", postgresql_nulls_not_distinct=True),
        Index("ix_role_bindings_group_id", "group_id"),
        Index("ix_role_bindings_role_id", "role_id"),
        Index("ix_role_bindings_project_id", "project_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    group_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("groups.id", ondelete="RESTRICT"))
    role_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("roles.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("role_bindings", self.id, None, self.project_id)


class PolicyRule(VersionedRow, Base):
    """A rule that allows or denies; without a subject it is about everyone."""

    __tablename__ = "policy_rules"
    __table_args__ = (
        CheckConstraint("effect IN ('allow', 'deny')", name="effect"),
        CheckConstraint("num_nonnulls(user_id, group_id, role_id) <= 1", name="subject"),
        Index("ix_policy_rules_user_id", "user_id"),
        Index("ix_policy_rules_group_id", "group_id"),
        Index("ix_policy_rules_role_id", "role_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    effect: Mapped[str]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    group_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("groups.id", ondelete="RESTRICT"))
    role_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("roles.id", ondelete="RESTRICT"))
    action: Mapped[str]
    resource: Mapped[str]
    priority: Mapped[int] = mapped_column(default=0)
    conditions: Mapped[dict[str, Any]]
    is_enabled: Mapped[bool] = mapped_column(default=True)
