"""Every select on users, sessions and tokens."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ARRAY, LargeBinary, Row, Select, any_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.driver.fixed_queries import FixedQuery, KeyedQuery
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by
from gateway.features.access import service as access

from .models import ApiToken, AuthSession, SessionToken, SignInCode, SignInDelay, User

_LIVE_API_TOKENS = (
    select(
        ApiToken.hash.label("key"), ApiToken.id.label("token_id"), ApiToken.scopes, ApiToken.last_used_at,
        User.id, User.handle,
        access.current_version().scalar_subquery().label("version"),
    )
    .join(User, User.id == ApiToken.user_id)
    .where(ApiToken.hash == any_(bindparam("keys", type_=ARRAY(LargeBinary))))
    .where(ApiToken.revoked_at.is_(None), User.is_active)
    .where((ApiToken.expires_at.is_(None)) | (ApiToken.expires_at > bindparam("now")))
)  # fmt: skip


def callers(along: Select[Any] | None = None) -> KeyedQuery:
    """API tokens that may be used now, by their digests.

    token_id, scopes, last_used_at, the active user's id and handle, and version, the policy's. `along` is what else
    there is to know of users: a row at most for each `owner_id`, whose columns come too.
    """
    query: Select[Any] = _LIVE_API_TOKENS
    if along is not None:
        theirs = along.subquery()
        query = query.add_columns(*theirs.c).outerjoin(theirs, theirs.c.owner_id == User.id)
    return KeyedQuery(query, lambda: {"now": now()})


CALLERS = callers()
"""Part of almost every request."""


_PRESENT = FixedQuery(
    select(User.id, User.handle, access.current_version().scalar_subquery().label("version")).where(
        User.id == bindparam("user_id"), User.is_active
    )
)
"""Part of every run that begins, and of what goes on in somebody's name."""


def present_user(session: Session, user_id: uuid.UUID) -> Callable[[], Any]:
    """Asks for id and handle of an account that is not disabled, and the policy's version; None where there is none."""
    answer = _PRESENT.ask(session, user_id=user_id)
    return lambda: next(iter(answer.rows()), None)


def user_by_handle(session: Session, handle: str) -> User | None:
    """The account of that handle, whatever its state."""
    return session.scalar(select(User).where(User.handle == handle.lower()))


def user(session: Session, user_id: uuid.UUID) -> User | None:
    """The account of that id."""
    return session.get(User, user_id)


def time_zones(session: Session, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The time zones of those of the users that have one."""
    chosen = select(User.id, User.time_zone).where(User.id.in_(user_ids), User.time_zone.is_not(None))
    return {row.id: row.time_zone for row in session.execute(chosen)} if user_ids else {}


def user_for_change(session: Session, user_id: uuid.UUID) -> User | None:
    """The account of that id, locked."""
    return session.scalar(select(User).where(User.id == user_id).with_for_update())


def users(actor: Actor, *, is_active: bool | None, q: str | None) -> Select[User]:
    """The accounts the actor may see; `q` is part of the handle or the display name."""
    query = select(User).where(seen_by(actor, "users.read", owner=User.id, key=User.id))
    if is_active is not None:
        query = query.where(User.is_active == is_active)
    if q is not None:
        query = query.where(
            or_(User.handle.icontains(q, autoescape=True), User.display_name.icontains(q, autoescape=True))
        )
    return query


def people(session: Session) -> int:
    """How many accounts there are, not counting `system`."""
    return session.scalar(select(func.count()).select_from(User).where(~User.is_system)) or 0


def first_owner(session: Session) -> User | None:
    """The oldest active owner."""
    return session.scalar(
        select(User).where(User.id.in_(access.holders("owner")), User.is_active).order_by(User.id).limit(1)
    )


def live_api_tokens(session: Session, ids: Collection[uuid.UUID]) -> list[Row[ApiToken, User, int]]:
    """Those of the API tokens that may be used now, with their active users."""
    if not ids:
        return []
    usable = ApiToken.expires_at.is_(None) | (ApiToken.expires_at > now())
    query = select(ApiToken, User, access.current_version().scalar_subquery()).join(User, User.id == ApiToken.user_id)
    return list(
        session.execute(query.where(ApiToken.id.in_(ids), ApiToken.revoked_at.is_(None), usable, User.is_active))
    )


def revoked_api_tokens(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these API tokens were revoked."""
    query = select(ApiToken.id).where(ApiToken.id.in_(ids), ApiToken.revoked_at.is_not(None))
    return set(session.scalars(query)) if ids else set()


def live_sessions(session: Session, ids: Collection[uuid.UUID]) -> list[Row[AuthSession, User, int]]:
    """Those of the sign-ins that have neither ended nor been revoked, with their active users."""
    return list(session.execute(_live_sessions().where(AuthSession.id.in_(ids)))) if ids else []


def live_session(session: Session, session_id: uuid.UUID) -> Row[AuthSession, User, int] | None:
    """A sign-in that has neither ended nor been revoked, with its active user."""
    return session.execute(_live_sessions().where(AuthSession.id == session_id)).first()


def live_access(session: Session, digest: bytes) -> Row[AuthSession, User, int, SessionToken] | None:
    """The sign-in that an access token belongs to, where both are live."""
    return session.execute(
        _live_sessions()
        .join(SessionToken, SessionToken.session_id == AuthSession.id)
        .add_columns(SessionToken)
        .where(SessionToken.hash == digest, SessionToken.kind == "access", SessionToken.expires_at > now())
        .where(SessionToken.replaced_at.is_(None))
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


def successors(session: Session, parent: bytes) -> list[SessionToken]:
    """The pair, or pairs, that a refresh token was traded for, locked; without what was replaced."""
    query = select(SessionToken).where(SessionToken.parent == parent, SessionToken.replaced_at.is_(None))
    return list(session.scalars(query.order_by(SessionToken.hash).with_for_update()))


def delays(session: Session, keys: Collection[bytes], *, lock: bool = False) -> list[SignInDelay]:
    """The counters of these keys, those that there are; locked in one order."""
    query = select(SignInDelay).where(SignInDelay.key.in_(keys)).order_by(SignInDelay.key)
    return list(session.scalars(query.with_for_update().execution_options(populate_existing=True) if lock else query))


def sign_in_code(session: Session, digest: bytes) -> SignInCode | None:
    """A one-time code that has not expired, locked for its single use."""
    return session.scalar(
        select(SignInCode).where(SignInCode.hash == digest, SignInCode.expires_at > now()).with_for_update()
    )


def tokens_of(user_id: uuid.UUID) -> Select[ApiToken]:
    """A user's API tokens that have not been revoked."""
    return select(ApiToken).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))


def tokens_seen(actor: Actor, q: str | None) -> Select[ApiToken]:
    """The actor's own, but for those that a rule keeps from them; with `q` in their names."""
    seen = seen_by(actor, "self.read", kind="tokens", owner=ApiToken.user_id, key=ApiToken.id)
    found = tokens_of(actor.user_id).where(seen)
    return found if q is None else found.where(ApiToken.name.icontains(q, autoescape=True))


def sessions_of(user_id: uuid.UUID) -> Select[AuthSession]:
    """A user's sign-ins that have neither ended nor been revoked."""
    query = select(AuthSession).where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None))
    return query.where(AuthSession.expires_at > now())


def _live_sessions() -> Select[AuthSession, User, int]:
    return (
        select(AuthSession, User, access.current_version().scalar_subquery())
        .join(User, User.id == AuthSession.user_id)
        .where(AuthSession.revoked_at.is_(None), AuthSession.expires_at > now(), User.is_active)
    )
