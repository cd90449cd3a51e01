"""Sign-in and what it opens: logins, console sessions, one-time codes."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.errors import Conflict, NotFound, Unauthenticated
from gateway.core.identity import Actor
from gateway.core.policy import Resource
from gateway.core.secrets import crypto
from gateway.core.unit_of_work import Work

from . import passwords, queries, service
from .models import AuthSession, SessionToken, SignInCode, SignInDelay, User
from .service_delays import FORGOTTEN_AFTER

ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=30)
CONSOLE_LIFE = timedelta(days=14)
CODE_LIFE = timedelta(seconds=120)
INVITATION_LIFE = timedelta(minutes=15)
"""A code that one person hands to another."""

REFRESH_GRACE = timedelta(seconds=20)
"""How long a refresh token may be sent again, because the answer to its first use was lost."""

LONGEST_USER_AGENT = 200


def check_password(work: Work, handle: str, password: str) -> User:
    """The account that handle and password open. Raises Unauthenticated, the same for every cause."""
    user = queries.user_by_handle(work.session, handle)
    usable = user is not None and user.is_active and not user.is_system
    matches = passwords.matches(user.password_hash if user is not None and usable else None, password)
    if user is None or not matches:
        # An unknown handle is not kept: it may be a password, typed into the wrong field.
        about = Resource("users", user.id if user else None)
        work.record("auth.login", about, allowed=False, reason="wrong handle or password")
        raise Unauthenticated("Name or password is wrong.", code="bad_credentials")
    work.record("auth.login", Resource("users", user.id), allowed=True, reason="password", by=_signed_in(work, user))
    return user


def open_login(work: Work, user: User, user_agent: str | None = None) -> tuple[str, str, int]:
    """A new login session: access token, refresh token, seconds the access token lives."""
    return _issue(work, _open(work, user, "login", REFRESH_LIFE, user_agent))


def open_console(work: Work, user: User, user_agent: str | None = None) -> AuthSession:
    """A new console session, whose id the signed cookie carries."""
    return _open(work, user, "console", CONSOLE_LIFE, user_agent)


def refresh(work: Work, token: str) -> tuple[str, str, int]:
    """Trades a refresh token for the next pair; reuse ends the family (RFC 9700, 4.14.2).

    An answer may be lost: within `REFRESH_GRACE` the same token gives another pair, in the place of the one before,
    as long as nothing of that was used. So there is one live successor at any time, and whoever comes with one
    that was replaced shows that two hold the token: that is reuse as well.
    """
    found = queries.refresh_token(work.session, crypto.digest(token))
    if found is None:
        raise Unauthenticated("The refresh token is not valid; sign in again.", code="bad_refresh_token")
    row, session, user = found
    if session.revoked_at is not None or row.expires_at <= now() or not user.is_active:
        raise Unauthenticated("The session has ended; sign in again.", code="session_ended")
    if row.replaced_at is not None or (row.used_at is not None and not _answer_was_lost(work, row)):
        _end(work, session, "refresh_token_reused")
        work.record("auth.refresh", Resource("sessions", session.id), allowed=False, reason="refresh token reused")
        work.commit()
        raise Unauthenticated("The refresh token was used before; sign in again.", code="refresh_token_reused")
    row.used_at = row.used_at or now()
    session.last_used_at = now()
    by = _signed_in(work, user, session.id)
    work.record("auth.refresh", Resource("sessions", session.id), allowed=True, reason="refresh token", by=by)
    return _issue(work, session, parent=row.hash)


def logout(work: Work) -> None:
    """Ends the session the request came with; an API token has none to end."""
    work.allow("self.logout", Resource("users", work.actor.user_id, work.actor.user_id))
    session = None if work.actor.via == "token" else work.session.get(AuthSession, work.actor.credential_id)
    if session is None:
        raise Conflict("An API token has no session to end; revoke it with DELETE /v1/tokens/{id}.")
    if session.revoked_at is None:
        _end(work, session, "signed_out")


def sessions(work: Work) -> Select[AuthSession]:
    """The caller's sessions that have not ended, to be paged."""
    work.allow("self.read", Resource("sessions", None, work.actor.user_id))
    return queries.sessions_of(work.actor.user_id)


def sessions_of_user(work: Work, user_id: uuid.UUID) -> Select[AuthSession]:
    """Another user's sessions that have not ended, to be paged. Raises NotFound."""
    service.get(work, user_id)
    return queries.sessions_of(user_id)


def end_own(work: Work, session_id: uuid.UUID) -> None:
    """Ends one of the caller's sessions. Raises NotFound for one that is not there, over, or another's."""
    work.allow("self.end_session", Resource("sessions", session_id, work.actor.user_id))
    session = work.session.get(AuthSession, session_id)
    if session is None or session.user_id != work.actor.user_id or session.revoked_at is not None:
        raise NotFound("There is no such session, or it is not yours.")
    _end(work, session, "ended_by_user")


def end_of_user(work: Work, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
    """Ends one session of another user. Raises NotFound for one that is not there, over, or not theirs."""
    service.manage(work, "users.revoke_sessions", service.to_change(work, user_id))
    session = work.session.get(AuthSession, session_id)
    if session is None or session.user_id != user_id or session.revoked_at is not None:
        raise NotFound("There is no such session, or it is not yours.")
    _end(work, session, "revoked")


def new_sign_in_code(work: Work, user: User | None = None) -> str:
    """A one-time code for `user`, or for the owner. Only trusted local processes get to call this."""
    owner = user or service.first_owner(work)
    work.record("auth.code", Resource("users", owner.id), allowed=True, reason="asked for by a local process")
    return _new_code(work, owner, now() + CODE_LIFE)


def invite(work: Work, user: User) -> tuple[str, datetime]:
    """A one-time code to hand to another user, who signs in with it and sets a password; and when it expires.

    Whoever has it is that user: it takes the same right as setting the password, and spends the codes of before.
    Raises Conflict for one's own account, and for one that is disabled.
    """
    service.manage(work, "users.reset_password", user)
    if user.id == work.actor.user_id:
        raise Conflict("This is your own account, and you are signed in; hand codes to others.")
    if not user.is_active:
        raise Conflict("The account is disabled; enable it first.")
    work.session.execute(delete(SignInCode).where(SignInCode.user_id == user.id))
    expires_at = now() + INVITATION_LIFE
    return _new_code(work, user, expires_at), expires_at


def redeem_code(work: Work, code: str) -> User:
    """The account a one-time code opens; the code is spent. Raises Unauthenticated."""
    row = queries.sign_in_code(work.session, crypto.digest(code.strip().upper()))
    user = queries.user(work.session, row.user_id) if row else None
    if row is None or user is None or not user.is_active:
        work.record("auth.code", Resource("users"), allowed=False, reason="unknown, used or expired code")
        raise Unauthenticated("The code is wrong, used or expired; get a new one.", code="bad_code")
    work.session.delete(row)
    by = _signed_in(work, user)
    work.record("auth.login", Resource("users", user.id), allowed=True, reason="one-time code", by=by)
    return user


def present_actors(session: Session, actors: Iterable[Actor]) -> dict[uuid.UUID, Actor]:
    """Those credentials of `actors` that may still act, each with its actor as of now.

    One or two queries, however many there are: this is how open streams learn that theirs has ended.
    """
    asked = list(actors)
    by_token = {actor.credential_id for actor in asked if actor.via == "token" and actor.credential_id}
    by_session = {actor.credential_id: actor.via for actor in asked if actor.via != "token" and actor.credential_id}
    found: dict[uuid.UUID, Actor] = {}
    for token, user, version in queries.live_api_tokens(session, by_token):
        found[token.id] = service.actor_of(session, user, "token", token.id, None, token.scopes, version)
    for opened, user, version in queries.live_sessions(session, set(by_session)):
        found[opened.id] = service.actor_of(session, user, by_session[opened.id], opened.id, None, version=version)
    return found


def purge_expired(work: Work, most: int) -> int:
    """Drops up to `most` sign-ins, tokens, codes and delays each that mean nothing any more; returns how many."""
    count = 0
    for table, key in ((SessionToken, SessionToken.hash), (AuthSession, AuthSession.id), (SignInCode, SignInCode.hash)):
        old = select(key).where(table.expires_at < now()).limit(most)
        count += len(work.session.execute(delete(table).where(key.in_(old)).returning(key)).all())
    forgotten = select(SignInDelay.key).where(SignInDelay.tried_at < now() - FORGOTTEN_AFTER).limit(most)
    gone = delete(SignInDelay).where(SignInDelay.key.in_(forgotten)).returning(SignInDelay.key)
    return count + len(work.session.execute(gone).all())


def _new_code(work: Work, user: User, expires_at: datetime) -> str:
    code = crypto.new_code()
    work.session.execute(delete(SignInCode).where(SignInCode.expires_at < now()))
    work.session.add(SignInCode(hash=crypto.digest(code), user_id=user.id, expires_at=expires_at))
    return code


def _open(work: Work, user: User, kind: str, life: timedelta, user_agent: str | None) -> AuthSession:
    plain = "".join(letter for letter in user_agent or "" if letter.isprintable())
    opened = now()
    session = AuthSession(
        user_id=user.id, kind=kind, created_at=opened, expires_at=opened + life, address=work.actor.address,
        user_agent=plain[:LONGEST_USER_AGENT] or None, last_used_at=opened,
    )  # fmt: skip
    work.session.add(session)
    work.session.flush()
    work.emit("session.opened", owner_id=user.id, data={"session_id": str(session.id), "kind": kind})
    return session


def _end(work: Work, session: AuthSession, reason: str) -> None:
    session.revoked_at = now()
    service.emit_ended(work, session.user_id, session.id, reason)


def _answer_was_lost(work: Work, row: SessionToken) -> bool:
    """Whether this second use is in time and nobody used what the first one gave; then that is replaced."""
    if row.used_at is None or now() - row.used_at > REFRESH_GRACE:
        return False
    successors = queries.successors(work.session, row.hash)
    if any(successor.used_at is not None for successor in successors):
        return False
    for successor in successors:
        successor.replaced_at = now()
    return True


def _issue(work: Work, session: AuthSession, parent: bytes | None = None) -> tuple[str, str, int]:
    secrets = {"access": "uga_" + crypto.new_secret(), "refresh": "ugr_" + crypto.new_secret()}
    ends: dict[str, datetime] = {"access": now() + ACCESS_LIFE, "refresh": session.expires_at}
    work.session.add_all(
        SessionToken(hash=crypto.digest(secret), session_id=session.id, kind=kind, expires_at=ends[kind], parent=parent)
        for kind, secret in secrets.items()
    )
    return secrets["access"], secrets["refresh"], int(ACCESS_LIFE.total_seconds())


def _signed_in(work: Work, user: User, session_id: uuid.UUID | None = None) -> Actor:
    """Whom the record names for a sign-in that has just come through."""
    return service.actor_of(work.session, user, "login", session_id, work.actor.address)
