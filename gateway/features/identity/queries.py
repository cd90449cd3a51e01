"""Every select on users, sessions and tokens."""

import uuid

from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.identity import Actor

from .models import ApiToken, AuthSession, SessionToken, SignInCode, User

_LIVE_API_TOKEN = (
    select(ApiToken, User)
    .join(User, User.id == ApiToken.user_id)
    .where(ApiToken.hash == bindparam("digest"), ApiToken.revoked_at.is_(None), User.is_active)
    .where((ApiToken.expires_at.is_(None)) | (ApiToken.expires_at > bindparam("now")))
)
"""Built once: it is part of almost every request."""


def user_by_handle(session: Session, handle: str) -> User | None:
    """The account of that handle, whatever its state."""
    return session.scalar(select(User).where(User.handle == handle.lower()))


def user(session: Session, user_id: uuid.UUID) -> User | None:
    """The account of that id."""
    return session.get(User, user_id)


def people(session: Session) -> int:
    """How many accounts there are, not counting `system`."""
    return session.scalar(select(func.count()).select_from(User).where(~User.is_system)) or 0


def first_owner(session: Session) -> User | None:
    """The oldest active owner."""
    return session.scalar(
        select(User).where(User.role == "owner", User.is_active, ~User.is_system).order_by(User.id).limit(1)
    )


def live_api_token(session: Session, digest: bytes) -> Row[ApiToken, User] | None:
    """An API token that may be used now, with its active user."""
    return session.execute(_LIVE_API_TOKEN, {"digest": digest, "now": now()}).first()


def live_session(session: Session, session_id: uuid.UUID) -> Row[AuthSession, User] | None:
    """A sign-in that has neither ended nor been revoked, with its active user."""
    return session.execute(_live_sessions().where(AuthSession.id == session_id)).first()


def live_access(session: Session, digest: bytes) -> Row[AuthSession, User] | None:
    """The sign-in that an access token belongs to, where both are live."""
    return session.execute(
        _live_sessions()
        .join(SessionToken, SessionToken.session_id == AuthSession.id)
        .where(SessionToken.hash == digest, SessionToken.kind == "access", SessionToken.expires_at > now())
    ).first()


def refresh_token(session: Session, digest: bytes) -> Row[SessionToken, AuthSession, User] | None:
    """A refresh token with its family, locked: two uses at once take turns."""
    return session.execute(
        select(SessionToken, AuthSession, User)
        .join(AuthSession, AuthSession.id == SessionToken.session_id)
        .join(User, User.id == AuthSession.user_id)
        .where(SessionToken.hash == digest, SessionToken.kind == "refresh")
        .with_for_update(of=SessionToken)
    ).first()


def sign_in_code(session: Session, digest: bytes) -> SignInCode | None:
    """A one-time code that has not expired, locked for its single use."""
    return session.scalar(
        select(SignInCode).where(SignInCode.hash == digest, SignInCode.expires_at > now()).with_for_update()
    )


def tokens_of(actor: Actor) -> Select[ApiToken]:
    """The actor's own API tokens that have not been revoked."""
    return select(ApiToken).where(ApiToken.user_id == actor.user_id, ApiToken.revoked_at.is_(None))


def _live_sessions() -> Select[AuthSession, User]:
    return (
        select(AuthSession, User)
        .join(User, User.id == AuthSession.user_id)
        .where(AuthSession.revoked_at.is_(None), AuthSession.expires_at > now(), User.is_active)
    )
