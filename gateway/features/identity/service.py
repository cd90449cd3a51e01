"""Accounts: who there is, who may manage whom, and the actor that a user is."""

import re
import uuid
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, delete, update
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM, SYSTEM_USER_ID, Actor
from gateway.core.policy import Decision, Resource
from gateway.core.resources import as_id
from gateway.core.rights import BUILT_IN
from gateway.core.unit_of_work import Work
from gateway.features.access import service as access
from gateway.features.access import service_roles as access_roles

from . import passwords, queries
from .models import ApiToken, AuthSession, SignInCode, User

NO_USER = "There is no such user, or it is not yours."
WRONG_PASSWORD = "this is not your current password"  # noqa: S105 - a message

MANAGING = tuple(f"users.{verb}" for verb in ("update", "enable", "disable", "revoke_sessions", "reset_password"))
"""What is done to accounts, and to nobody's who has more rights."""

_HANDLE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def ensure_owner(work: Work) -> None:
    """Makes the first account, together with the reserved user `system`, at first start."""
    session = work.session
    if queries.user(session, SYSTEM_USER_ID) is None:
        session.add(
            User(
                id=SYSTEM_USER_ID,
                handle="system",
                display_name="System",
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
    """A new account.

    Raises Conflict for a taken handle, Invalid for an impossible one, Forbidden for a role above the caller's.
    """
    work.allow("users.create", Resource("users"))
    handle = handle.strip().lower()
    if not _HANDLE.fullmatch(handle):
        raise Invalid.field(
            "handle", "use up to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit"
        )
    if queries.user_by_handle(work.session, handle) is not None:
        raise Conflict(f"The handle {handle} is taken; choose another one.")
    user = User(handle=handle, display_name=display_name or handle)
    if password is not None:
        user.password_hash = passwords.hashed(password)
        user.welcomed_at = now()
    work.session.add(user)
    work.session.flush()
    access_roles.give(work, user.id, role)
    _emit(work, "user.created", user)
    return user


def account(work: Work, handle: str) -> User:
    """The account of that handle. Raises NotFound."""
    is_one = _HANDLE.fullmatch(handle.lower())  # what a shell passes on need not even be text
    user = queries.user_by_handle(work.session, handle) if is_one else None
    if user is None or user.is_system:
        raise NotFound(f"There is no user {handle}; `app.py user create {handle}` makes one.")
    work.allow("users.read", Resource("users", user.id))
    return user


def users(work: Work, *, is_active: bool | None, q: str | None) -> Select[User]:
    """The accounts the caller may see, `system` among them, to be paged."""
    work.allow("users.read", Resource("users", listed=True))
    return queries.users(work.actor, is_active=is_active, q=q)


def get(work: Work, user_id: uuid.UUID) -> User:
    """One account. Raises NotFound."""
    work.allow("users.read", Resource("users", user_id, user_id))
    user = queries.user(work.session, user_id)
    if user is None:
        raise NotFound(NO_USER)
    return user


def to_change(work: Work, user_id: uuid.UUID) -> User:
    """One account, locked, for one of the functions below, which decide. Raises NotFound."""
    user = queries.user_for_change(work.session, user_id)
    if user is None:
        raise NotFound(NO_USER)
    return user


def manage(work: Work, action: str, user: User) -> None:
    """Decides whether the caller may do `action` to an account.

    Raises Conflict for the reserved user, Forbidden for an account with more rights than the caller has: whoever
    could set an owner's password would be the owner.
    """
    about = user.as_resource
    work.allow(action, about)
    if user.is_system:
        raise Conflict("The user system is reserved; nobody can change it.", code="reserved_user")
    if reason := not_managed(work.session, work.actor, user):
        work.record(action, about, allowed=False, reason=reason)
        raise Forbidden(f"{action} is not allowed: {reason}.")


def change_user(work: Work, user: User, changes: dict[str, Any]) -> User:
    """Changes display name and time zone of an account. Whoever calls has decided, by `manage`."""
    return _change(work, user, changes)


def reset_password(work: Work, user: User, password: str) -> None:
    """Sets a password without the old one, and ends every session of the user. Raises Conflict for one's own."""
    manage(work, "users.reset_password", user)
    if user.id == work.actor.user_id:
        raise Conflict("This is your own account; change your password with POST /v1/users/me/password.")
    _set_password(work, user, password)


def set_active(work: Work, user: User, active: bool) -> None:
    """Enables or disables an account; disabling ends its sessions at once.

    Raises Conflict for the last owner. The command line is let through: it can bring the owner back.
    """
    manage(work, "users.enable" if active else "users.disable", user)
    if active == user.is_active:
        return
    if not active:
        end_sessions(work, user, "user_disabled")
    user.is_active = active
    if not active and work.actor.via != "system" and "owner" in roles_of(work, user):
        access.keep_an_owner(work)
    work.session.flush()
    _emit(work, "user.enabled" if active else "user.disabled", user)


def revoke_sessions(work: Work, user: User) -> int:
    """Ends every session of an account; returns how many those were."""
    manage(work, "users.revoke_sessions", user)
    return end_sessions(work, user, "revoked")


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


def change_me(work: Work, user: User, changes: dict[str, Any], welcomed: bool | None) -> User:
    """Changes the caller's own account, as `me_for_change` gave it."""
    if welcomed:
        user.welcomed_at = user.welcomed_at or now()
    return _change(work, user, changes)


def change_password(work: Work, new: str, current: str | None) -> None:
    """Sets the caller's own password, and ends the other sessions, which whoever knew the old one may have opened.

    Raises Invalid when the current one is missing or wrong, Forbidden when an API token, which may expire or be
    revoked, would make the first one, which does not.
    """
    user = me_for_change(work)
    if user.password_hash is None and work.actor.via == "token":
        raise Forbidden("An API token cannot set the first password; sign in with a one-time code.")
    if user.password_hash is not None and not passwords.matches(user.password_hash, current or ""):
        raise Invalid.field("current_password", WRONG_PASSWORD)
    _set_password(work, user, new, but=work.actor.credential_id)


def end_sessions(work: Work, user: User, reason: str, *, but: uuid.UUID | None = None) -> int:
    """Ends a user's sessions and unused one-time codes; returns how many sessions. Whoever calls has decided."""
    live = queries.sessions_of(user.id).with_only_columns(AuthSession.id)
    ended = update(AuthSession).where(AuthSession.id.in_(live)).values(revoked_at=now())
    if but is not None:
        ended = ended.where(AuthSession.id != but)
    ids = list(work.session.scalars(ended.returning(AuthSession.id)))
    work.session.execute(delete(SignInCode).where(SignInCode.user_id == user.id))
    for session_id in ids:
        emit_ended(work, user.id, session_id, reason)
    return len(ids)


def emit_ended(work: Work, user_id: uuid.UUID, session_id: uuid.UUID, reason: str) -> None:
    """Tells that a session has ended; what is open by it closes on this."""
    work.emit("session.ended", owner_id=user_id, data={"session_id": str(session_id), "reason": reason})


def present_user(work: Work, user_id: uuid.UUID) -> Actor | None:
    """A user with the rights of now, for what goes on in their name; None when the account is disabled."""
    return asked_user(work, user_id)()


def asked_user(work: Work, user_id: uuid.UUID) -> Callable[[], Actor | None]:
    """Asks for `present_user`."""
    if user_id == SYSTEM_USER_ID:
        return lambda: SYSTEM
    found = queries.present_user(work.session, user_id)

    def actor() -> Actor | None:
        user = found()
        return actor_of(work.session, user, "system", None, None, version=user.version or 0) if user else None

    return actor


def agent_of(work: Work, user_id: uuid.UUID, token_id: uuid.UUID | None) -> Actor | None:
    """What the agent acts as that works for a user: no more than they may now, nor than the token that asked for it.

    A token that has expired meanwhile still counts; None when it was revoked, or the account is disabled.
    """
    actor = present_user(work, user_id)
    if actor is None or token_id is None:
        return actor and replace(actor, via="agent")
    token = work.session.get(ApiToken, token_id)
    if token is None or token.revoked_at is not None:
        return None
    scopes = tuple(token.scopes) if token.scopes is not None else None
    return replace(actor, via="token", credential_id=token_id, scopes=scopes)


def revoked_of(work: Work, token_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these API tokens were revoked, for who shows what still hangs on them. Whoever calls has decided."""
    return queries.revoked_api_tokens(work.session, token_ids)


def time_zone_of(work: Work, user_id: uuid.UUID) -> str | None:
    """The time zone that a user has chosen, if any: what is theirs inherits it. Whoever calls has decided."""
    return time_zones_of(work, [user_id]).get(user_id)


def time_zones_of(work: Work, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The time zones that these users have chosen, as far as they have. Whoever calls has decided."""
    return queries.time_zones(work.session, user_ids)


def roles_of(work: Work, user: User) -> list[str]:
    """The roles a user holds for the whole system, the one that may do most first."""
    return roles_of_each(work, [user])[user.id]


def roles_of_each(work: Work, users: Collection[User]) -> dict[uuid.UUID, list[str]]:
    """The same of several users."""
    order = {name: place for place, name in enumerate(BUILT_IN)}
    held = access.roles_held(work.session, [user.id for user in users])
    return {
        user.id: sorted(held.get(user.id, ()), key=lambda name: (order.get(name, len(order)), name)) for user in users
    }


def actor_of(
    session: Session,
    user: User | Any,
    via: str,
    credential_id: uuid.UUID | None,
    address: str | None,
    scopes: list[str] | None = None,
    version: int | None = None,
) -> Actor:
    """The actor that a user is, come in by `via`: token, login or console; `version` is the policy's, if known.

    Of the user it takes id and handle.
    """
    rights = access.rights_of(session, user.id, version)
    return Actor(
        user_id=user.id,
        handle=user.handle,
        roles=rights.roles,
        rights=rights,
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


def _change(work: Work, user: User, changes: dict[str, Any]) -> User:
    for name, value in changes.items():
        setattr(user, name, value)
    work.session.flush()
    if changes:
        _emit(work, "user.updated", user)
    return user


def _set_password(work: Work, user: User, password: str, *, but: uuid.UUID | None = None) -> None:
    user.password_hash = passwords.hashed(password)
    user.welcomed_at = user.welcomed_at or now()
    end_sessions(work, user, "password_changed", but=but)
    _emit(work, "user.password_changed", user)


def managing(session: Session, actor: Actor, key: str, action: str, operation: str | None) -> Decision | None:
    """What `manage` adds where the policy allows, for whoever explains it; None for what is no managing."""
    wanted = as_id(key) if action in MANAGING else None
    user = queries.user(session, wanted) if wanted is not None else None
    reason = not_managed(session, actor, user) if user is not None and not user.is_system else None
    return Decision(False, reason) if reason else None


def not_managed(session: Session, actor: Actor, user: User) -> str | None:
    """Why the actor does not manage an account that the policy would let them manage; None where they do."""
    above = _above(session, actor, user)
    return f"only who is {above}, with a token that is not narrowed, manages one" if above else None


def _above(session: Session, actor: Actor, user: User) -> str | None:
    """A role of the user that puts them above the actor; a token that is narrowed has no more than its scopes."""
    if actor.user_id == SYSTEM_USER_ID:
        return None
    is_whole = actor.scopes is None or "*" in actor.scopes
    if is_whole and (user.id == actor.user_id or "owner" in actor.roles):
        return None
    if "owner" in access.rights_of(session, user.id).roles:
        return "owner"
    return access.more_than(actor, session, user.id)


def _emit(work: Work, name: str, user: User) -> None:
    work.emit(name, owner_id=user.id, data={"user_id": str(user.id), "handle": user.handle})
