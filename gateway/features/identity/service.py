"""Accounts, sign-in, sessions and tokens: the only writer of this room's tables."""

import re
import uuid
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Select, delete, select, update

from gateway.core import crypto
from gateway.core.clock import now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from gateway.core.identity import SYSTEM_USER_ID, Actor
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries
from .models import ApiToken, AuthSession, SessionToken, SignInCode, User

ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=30)
CONSOLE_LIFE = timedelta(days=14)
CODE_LIFE = timedelta(seconds=120)

_HANDLE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SCOPE = re.compile(r"[a-z_*]{1,40}(\.[a-z_*]{1,40}){0,3}")

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DECOY = _hasher.hash("a handle that does not exist costs as much time as a wrong password")


def ensure_owner(work: Work) -> None:
    """Makes the first account, together with the reserved user `system`, at first start."""
    session = work.session
    if queries.user(session, SYSTEM_USER_ID) is None:
        session.add(
            User(
                id=SYSTEM_USER_ID,
                handle="system",
                display_name="System",
                role="owner",
                is_system=True,
                is_active=False,
            )
        )
        session.flush()
    if queries.people(session) == 0:
        create_user(work, "owner", role="owner", display_name="Owner")


def first_owner(work: Work) -> User:
    """The oldest owner who may sign in. Raises NotFound when every owner is disabled."""
    owner = queries.first_owner(work.session)
    if owner is None:
        raise NotFound("Every owner is disabled; `app.py user enable HANDLE` brings one back.")
    return owner


def create_user(
    work: Work,
    handle: str,
    *,
    role: str = "member",
    display_name: str | None = None,
    password: str | None = None,
) -> User:
    """A new account. Raises Conflict for a taken handle, Invalid for an impossible one."""
    work.allow("users.create", Resource("users"))
    handle = handle.strip().lower()
    if not _HANDLE.fullmatch(handle):
        raise Invalid.field(
            "handle", "use up to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit"
        )
    if queries.user_by_handle(work.session, handle) is not None:
        raise Conflict(f"The handle {handle} is taken; choose another one.")
    user = User(handle=handle, display_name=display_name or handle, role=role)
    if password is not None:
        user.password_hash = _hash(password)
        user.welcomed_at = now()
    work.session.add(user)
    work.session.flush()
    return user


def account(work: Work, handle: str) -> User:
    """The account of that handle. Raises NotFound."""
    user = queries.user_by_handle(work.session, handle)
    if user is None or user.is_system:
        raise NotFound(f"There is no user {handle}; `app.py user create {handle}` makes one.")
    work.allow("users.read", Resource("users", user.id))
    return user


def reset_password(work: Work, user: User, password: str) -> None:
    """Sets a password without the old one, and ends every session of the user."""
    work.allow("users.reset_password", Resource("users", user.id))
    user.password_hash = _hash(password)
    user.welcomed_at = user.welcomed_at or now()
    _end_sessions(work, user)


def set_active(work: Work, user: User, active: bool) -> None:
    """Enables or disables an account; disabling ends its sessions at once."""
    work.allow("users.enable" if active else "users.disable", Resource("users", user.id))
    user.is_active = active
    if not active:
        _end_sessions(work, user)


def me(work: Work) -> User:
    """The caller's own account."""
    work.allow("self.read", Resource("users", work.actor.user_id, work.actor.user_id))
    return _own(work)


def me_for_change(work: Work) -> User:
    """The caller's own account, locked, to be changed."""
    work.allow("self.update", Resource("users", work.actor.user_id, work.actor.user_id))
    user = _own(work)
    work.session.refresh(user, with_for_update=True)
    return user


def change_me(work: Work, user: User, display_name: str | None, welcomed: bool | None) -> User:
    """Changes the caller's own account, as `me_for_change` gave it."""
    if display_name is not None:
        user.display_name = display_name
    if welcomed:
        user.welcomed_at = user.welcomed_at or now()
    work.session.flush()
    return user


def change_password(work: Work, new: str, current: str | None) -> None:
    """Sets the caller's own password, and ends the other sessions, which whoever knew the old one may have opened.

    Raises Invalid when the current one is missing or wrong, Forbidden when an API token, which may expire or be
    revoked, would make the first one, which does not.
    """
    user = me_for_change(work)
    if user.password_hash is None and work.actor.via == "token":
        raise Forbidden("An API token cannot set the first password; sign in with a one-time code.")
    if user.password_hash is not None and not _matches(user.password_hash, current or ""):
        raise Invalid.field("current_password", "this is not your current password")
    user.password_hash = _hash(new)
    user.welcomed_at = user.welcomed_at or now()
    _end_sessions(work, user, but=work.actor.credential_id)


def check_password(work: Work, handle: str, password: str) -> User:
    """The account that handle and password open. Raises Unauthenticated, the same for every cause."""
    user = queries.user_by_handle(work.session, handle)
    known = user is not None and user.password_hash is not None and user.is_active
    matches = _matches(user.password_hash if known and user and user.password_hash else _DECOY, password)
    if user is None or not known or not matches:
        # An unknown handle is not kept: it may be a password, typed into the wrong field.
        about = Resource("users", user.id if user else None)
        work.record("auth.login", about, allowed=False, reason="wrong handle or password")
        raise Unauthenticated("Handle or password is wrong.", code="bad_credentials")
    work.record("auth.login", Resource("users", user.id), allowed=True, reason="password")
    return user


def open_login(work: Work, user: User) -> tuple[str, str, int]:
    """A new login session: access token, refresh token, seconds the access token lives."""
    session = AuthSession(user_id=user.id, kind="login", expires_at=now() + REFRESH_LIFE, address=work.actor.address)
    work.session.add(session)
    work.session.flush()
    return _issue(work, session)


def refresh(work: Work, token: str) -> tuple[str, str, int]:
    """Trades a refresh token for the next pair; one that was used already ends the family (RFC 9700, 4.14.2)."""
    found = queries.refresh_token(work.session, crypto.digest(token))
    if found is None:
        raise Unauthenticated("The refresh token is not valid; sign in again.", code="bad_refresh_token")
    row, session, user = found
    if session.revoked_at is not None or row.expires_at <= now() or not user.is_active:
        raise Unauthenticated("The session has ended; sign in again.", code="session_ended")
    if row.used_at is not None:
        session.revoked_at = now()
        work.record("auth.refresh", Resource("sessions", session.id), allowed=False, reason="refresh token reused")
        work.commit()
        raise Unauthenticated("The refresh token was used before; sign in again.", code="refresh_token_reused")
    row.used_at = now()
    return _issue(work, session)


def logout(work: Work) -> None:
    """Ends the session the request came with; an API token has none to end."""
    work.allow("self.logout", Resource("users", work.actor.user_id, work.actor.user_id))
    if work.actor.credential_id is None or work.actor.via == "token":
        raise Conflict("An API token has no session to end; revoke it with DELETE /v1/tokens/{id}.")
    work.session.execute(
        update(AuthSession)
        .where(AuthSession.id == work.actor.credential_id, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def open_console(work: Work, user: User) -> AuthSession:
    """A new console session, whose id the signed cookie carries."""
    session = AuthSession(user_id=user.id, kind="console", expires_at=now() + CONSOLE_LIFE, address=work.actor.address)
    work.session.add(session)
    work.session.flush()
    return session


def new_sign_in_code(work: Work, user: User | None = None) -> str:
    """A one-time code for `user`, or for the owner. Only trusted local processes get to call this."""
    owner = user or first_owner(work)
    code = crypto.new_code()
    work.session.execute(delete(SignInCode).where(SignInCode.expires_at < now()))
    work.session.add(SignInCode(hash=crypto.digest(code), user_id=owner.id, expires_at=now() + CODE_LIFE))
    work.record("auth.code", Resource("users", owner.id), allowed=True, reason="asked for by a local process")
    return code


def redeem_code(work: Work, code: str) -> User:
    """The account a one-time code opens; the code is spent. Raises Unauthenticated."""
    row = queries.sign_in_code(work.session, crypto.digest(code.strip().upper()))
    user = queries.user(work.session, row.user_id) if row else None
    if row is None or user is None or not user.is_active:
        work.record("auth.code", Resource("users"), allowed=False, reason="unknown, used or expired code")
        raise Unauthenticated("The code is wrong, used or expired; get a new one.", code="bad_code")
    work.session.delete(row)
    work.record("auth.login", Resource("users", user.id), allowed=True, reason="one-time code")
    return user


def create_token(
    work: Work, name: str, scopes: list[str] | None, expires_at: datetime | None, user: User | None = None
) -> tuple[ApiToken, str]:
    """A new API token and, this once, its secret. One made with a token can do no more and lives no longer.

    Raises Invalid for a field that does not fit.
    """
    user_id = user.id if user else work.actor.user_id
    work.allow("self.create_token", Resource("tokens", None, user_id))
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Invalid.field("name", "use 1 to 120 printable characters")
    if expires_at is not None and expires_at <= now():
        raise Invalid.field("expires_at", "choose a time in the future")
    if wrong := [scope for scope in scopes or () if not _SCOPE.fullmatch(scope)]:
        raise Invalid.field("scopes", f"{wrong[0][:80]!r} is no action; write tasks.create, tasks.* or *")
    if scopes is None and work.actor.scopes is not None:
        scopes = list(work.actor.scopes)
    if scopes is not None and work.actor.scopes is not None and not set(scopes) <= set(work.actor.scopes):
        raise Invalid.field("scopes", "a token cannot give rights that it does not have")
    end = _end_of_credential(work)
    if end is not None and (expires_at is None or expires_at > end):
        if expires_at is not None:
            raise Invalid.field("expires_at", "a token cannot make one that outlives it")
        expires_at = end
    secret = crypto.new_api_token()
    token = ApiToken(
        user_id=user_id,
        name=name,
        prefix=secret[:12],
        hash=crypto.digest(secret),
        scopes=scopes,
        expires_at=expires_at,
    )
    work.session.add(token)
    work.session.flush()
    return token, secret


def tokens(work: Work) -> Select[ApiToken]:
    """The caller's API tokens, to be paged."""
    work.allow("self.read", Resource("tokens", None, work.actor.user_id))
    return queries.tokens_of(work.actor)


def tokens_of_owner(work: Work) -> list[ApiToken]:
    """The owner's API tokens, newest first, for the command line."""
    owner = first_owner(work)
    work.allow("self.read", Resource("tokens", None, owner.id))
    query = queries.tokens_of(actor_of(owner, "system", owner.id, None))
    return list(work.session.scalars(query.order_by(ApiToken.id.desc())))


def revoke_token(work: Work, token_id: uuid.UUID) -> None:
    """Ends an API token. Raises NotFound for one that is not there or not the caller's."""
    token = work.session.get(ApiToken, token_id)
    if token is None or token.revoked_at is not None:
        raise NotFound("There is no such token, or it is not yours.")
    work.allow("self.revoke_token", Resource("tokens", token.id, token.user_id))
    token.revoked_at = now()


def actor_of(
    user: User, via: str, credential_id: uuid.UUID, address: str | None, scopes: list[str] | None = None
) -> Actor:
    """The actor that a user is, come in by `via`: token, login or console."""
    return Actor(
        user_id=user.id,
        handle=user.handle,
        roles=frozenset({user.role}),
        via=via,
        scopes=tuple(scopes) if scopes is not None else None,
        credential_id=credential_id,
        address=address,
    )


def _own(work: Work) -> User:
    user = queries.user(work.session, work.actor.user_id)
    if user is None:
        raise NotFound("This account no longer exists.")
    return user


def _issue(work: Work, session: AuthSession) -> tuple[str, str, int]:
    access, refresh_secret = "uga_" + crypto.new_secret(), "ugr_" + crypto.new_secret()
    work.session.add_all(
        [
            SessionToken(
                hash=crypto.digest(access),
                session_id=session.id,
                kind="access",
                expires_at=now() + ACCESS_LIFE,
            ),
            SessionToken(
                hash=crypto.digest(refresh_secret),
                session_id=session.id,
                kind="refresh",
                expires_at=session.expires_at,
            ),
        ]
    )
    return access, refresh_secret, int(ACCESS_LIFE.total_seconds())


def _end_of_credential(work: Work) -> datetime | None:
    """When the API token that the caller came with expires; None for one that does not, and for a session."""
    token = work.session.get(ApiToken, work.actor.credential_id) if work.actor.via == "token" else None
    return token.expires_at if token else None


def _end_sessions(work: Work, user: User, *, but: uuid.UUID | None = None) -> None:
    ended = update(AuthSession).where(AuthSession.user_id == user.id, AuthSession.revoked_at.is_(None))
    if but is not None:
        ended = ended.where(AuthSession.id != but)
    work.session.execute(ended.values(revoked_at=now()))


def _hash(password: str) -> str:
    if not 8 <= len(password) <= 1024:
        raise Invalid.field("password", "use 8 to 1024 characters")
    return _hasher.hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def purge_expired(work: Work, most: int) -> int:
    """Drops up to `most` sign-ins, tokens and codes each that nobody can use any more; returns how many."""
    count = 0
    for table, key in ((SessionToken, SessionToken.hash), (AuthSession, AuthSession.id), (SignInCode, SignInCode.hash)):
        old = select(key).where(table.expires_at < now()).limit(most)
        count += len(work.session.execute(delete(table).where(key.in_(old)).returning(key)).all())
    return count
