"""API tokens: made, listed, renamed, revoked."""

import re
import uuid
from datetime import datetime

from sqlalchemy import Select, update

from gateway.core.clock import now
from gateway.core.errors import Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.secrets import crypto
from gateway.core.unit_of_work import Work

from . import queries, service
from .models import ApiToken, User

_SCOPE = re.compile(r"[a-z_*]{1,40}(\.[a-z_*]{1,40}){0,3}")


callers = queries.callers
"""Makes the query of who calls by a token, for who wants to know more of them at once."""


def create_token(
    work: Work, name: str, scopes: list[str] | None, expires_at: datetime | None, user: User | None = None
) -> tuple[ApiToken, str]:
    """A new API token and, this once, its secret. One made with a token can do no more and lives no longer.

    Raises Invalid for a field that does not fit.
    """
    user_id = user.id if user else work.actor.user_id
    work.allow("self.create_token", Resource("tokens", None, user_id))
    _check_name(name)
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
    _emit(work, "token.created", token)
    return token, secret


def tokens(work: Work, q: str | None) -> Select[ApiToken]:
    """The caller's API tokens, of which `q` is a part of the name, to be paged."""
    work.allow("self.read", Resource("tokens", None, work.actor.user_id))
    return queries.tokens_seen(work.actor, q)


def tokens_of_user(work: Work, user_id: uuid.UUID) -> Select[ApiToken]:
    """Another user's API tokens, to be paged. Raises NotFound."""
    service.get(work, user_id)
    return queries.tokens_of(user_id)


def tokens_of_owner(work: Work) -> list[ApiToken]:
    """The owner's API tokens, newest first, for the command line."""
    owner = service.first_owner(work)
    work.allow("self.read", Resource("tokens", None, owner.id))
    return list(work.session.scalars(queries.tokens_of(owner.id).order_by(ApiToken.id.desc())))


def get_token(work: Work, token_id: uuid.UUID) -> ApiToken:
    """One API token. Raises NotFound for one that is not there or not the caller's."""
    token = _live(work, token_id)
    work.allow("self.read", token.as_resource)
    return token


def token_for_change(work: Work, token_id: uuid.UUID) -> ApiToken:
    """One API token, to be changed. Raises NotFound, and Forbidden for another's by whoever may not manage them."""
    token = _live(work, token_id)
    work.allow("self.update_token", token.as_resource)
    if token.user_id != work.actor.user_id:
        service.manage(work, "users.update", service.to_change(work, token.user_id))
    return token


def rename_token(work: Work, token: ApiToken, name: str) -> ApiToken:
    """Gives a token, as `token_for_change` gave it, another name; its rights stay as it was made. Raises Invalid."""
    _check_name(name)
    token.name = name
    work.session.flush()
    _emit(work, "token.updated", token)
    return token


def revoke_token(work: Work, token_id: uuid.UUID) -> None:
    """Ends an API token. Raises NotFound for one that is not there or not the caller's."""
    token = _live(work, token_id)
    work.allow("self.revoke_token", token.as_resource)
    if token.user_id != work.actor.user_id:
        service.manage(work, "users.revoke_sessions", service.to_change(work, token.user_id))
    _revoke(work, token)


def revoke_token_of_user(work: Work, user_id: uuid.UUID, token_id: uuid.UUID) -> None:
    """Ends another user's API token. Raises NotFound."""
    service.manage(work, "users.revoke_sessions", service.to_change(work, user_id))
    token = _live(work, token_id)
    if token.user_id != user_id:
        raise NotFound("There is no such token, or it is not yours.")
    _revoke(work, token)


def revoke_tokens(work: Work, user: User) -> int:
    """Ends all of a user's API tokens; returns how many. Whoever calls has decided."""
    live = queries.tokens_of(user.id).with_only_columns(ApiToken.id)
    ended = update(ApiToken).where(ApiToken.id.in_(live)).values(revoked_at=now(), updated_at=now())
    tokens = list(work.session.scalars(ended.returning(ApiToken)))
    for token in tokens:
        _emit(work, "token.revoked", token)
    return len(tokens)


def _live(work: Work, token_id: uuid.UUID) -> ApiToken:
    token = work.session.get(ApiToken, token_id)
    if token is None or token.revoked_at is not None:
        raise NotFound("There is no such token, or it is not yours.")
    return token


def _revoke(work: Work, token: ApiToken) -> None:
    token.revoked_at = now()
    _emit(work, "token.revoked", token)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Invalid.field("name", "use 1 to 120 printable characters")


def _emit(work: Work, name: str, token: ApiToken) -> None:
    work.emit(name, owner_id=token.user_id, data={"token_id": str(token.id), "name": token.name})


def _end_of_credential(work: Work) -> datetime | None:
    """When the API token that the caller came with expires; None for one that does not, and for a session."""
    token = work.session.get(ApiToken, work.actor.credential_id) if work.actor.via == "token" else None
    return token.expires_at if token else None
