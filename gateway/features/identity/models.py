"""Users, their sessions and every secret that stands for them (stored as hashes)."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource
from gateway.core.rows import VersionedRow


class User(VersionedRow, Base):
    """A local account. Without a password hash, it signs in by one-time code only."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("handle = lower(handle) AND handle ~ '^[a-z0-9][a-z0-9._-]{0,63}$'", name="handle"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    handle: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str | None]
    time_zone: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    is_system: Mapped[bool] = mapped_column(default=False)
    welcomed_at: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("users", self.id, self.id)


class AuthSession(Base):
    """One sign-in: the family that access, refresh and cookie secrets belong to."""

    __tablename__ = "auth_sessions"
    __table_args__ = (
        CheckConstraint("kind IN ('login', 'console')", name="kind"),
        Index("ix_auth_sessions_user_id_id", "user_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    last_used_at: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("sessions", self.id, self.user_id)


class SessionToken(Base):
    """An access or refresh token of a session; a refresh token is used once.

    `parent` is the hash of the refresh token that it was given for, `used_at` its first use. One whose answer was
    lost, so that its parent was traded again, is `replaced_at` that time: of all successors only the last works.
    """

    __tablename__ = "session_tokens"
    __table_args__ = (
        CheckConstraint("kind IN ('access', 'refresh')", name="kind"),
        Index("ix_session_tokens_session_id", "session_id"),
        Index("ix_session_tokens_expires_at", "expires_at"),
        Index("ix_session_tokens_parent", "parent"),
    )

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("auth_sessions.id", ondelete="CASCADE"))
    kind: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    parent: Mapped[bytes | None] = mapped_column(LargeBinary)
    replaced_at: Mapped[datetime | None]


class ApiToken(VersionedRow, Base):
    """A named token for scripts; `scopes` NULL means all the user's rights."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_user_id_id", "user_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str]
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("tokens", self.id, self.user_id)


class SignInCode(Base):
    """A one-time code that a trusted local process hands to the window or the person."""

    __tablename__ = "sign_in_codes"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SignInDelay(Base):
    """How often one handle, address or device was wrong lately, and until when it waits.

    `key` is a keyed hash: what somebody typed as a handle may be a password, and addresses are nobody's business.
    """

    __tablename__ = "sign_in_delays"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    tried_at: Mapped[datetime] = mapped_column(index=True)
    wait_until: Mapped[datetime]
