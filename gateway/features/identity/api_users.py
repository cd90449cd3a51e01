"""Routes of identity for those who manage other people's accounts."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, actor, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service, service_sessions, service_tokens
from .models import ApiToken, AuthSession, User
from .schemas import (
    InvitationOut,
    ResetIn,
    RevokedOut,
    RevokeIn,
    SessionOut,
    TokenOut,
    UserIn,
    UserOut,
    UserPatch,
    UserQuery,
    UserSessionPath,
    UserTokenPath,
)  # fmt: skip

users = Room("users", __name__, title="Identity")


def user_out(user: User) -> UserOut:
    """An account on the wire."""
    return _shown(user, service.roles_of(work(), user))


def _shown(user: User, roles: list[str]) -> UserOut:
    return UserOut(
        id=user.id, version=user.version, created_at=user.created_at, updated_at=user.updated_at, handle=user.handle,
        display_name=user.display_name, role=roles[0] if roles else "none", roles=roles, time_zone=user.time_zone,
        is_active=user.is_active, is_system=user.is_system, has_password=user.password_hash is not None,
    )  # fmt: skip


def session_out(session: AuthSession) -> SessionOut:
    """A session on the wire."""
    return SessionOut(
        id=session.id, kind=session.kind, created_at=session.created_at, expires_at=session.expires_at,
        last_used_at=session.last_used_at, address=session.address, user_agent=session.user_agent,
        current=actor().via != "token" and actor().credential_id == session.id,
    )  # fmt: skip


@users.get("/users", responses={200: Page[UserOut]}, summary="Accounts")
def list_users(query: UserQuery) -> Response:
    found = service.users(work(), is_active=query.is_active, q=query.q)
    paged = listed(work().session, found, User.id, query, sorts={"handle": User.handle})
    roles = service.roles_of_each(work(), paged.rows)
    return page_of(UserOut, paged, [_shown(user, roles[user.id]) for user in paged.rows])


@users.post("/users", responses={201: UserOut}, summary="Create an account")
def create_user(body: UserIn) -> Response:
    password = body.password.get_secret_value() if body.password else None
    user = service.create_user(work(), body.handle, role=body.role, display_name=body.display_name, password=password)
    return created(user_out(user), f"/v1/users/{user.id}")


@users.get("/users/<uuid:id>", responses={200: UserOut}, summary="One account")
def get_user(path: IdPath) -> Response:
    return answer(user_out(service.get(work(), path.id)))


@users.patch("/users/<uuid:id>", responses={200: UserOut}, summary="Change an account")
def patch_user(path: IdPath, body: UserPatch) -> Response:
    user = service.to_change(work(), path.id)
    service.manage(work(), "users.update", user)
    check_version(user.version)
    return answer(user_out(service.change_user(work(), user, body.changes())))


@users.post("/users/<uuid:id>/disable", responses={200: UserOut}, summary="Lock an account out, at once")
def disable_user(path: IdPath) -> Response:
    user = service.to_change(work(), path.id)
    service.set_active(work(), user, False)
    return answer(user_out(user))


@users.post("/users/<uuid:id>/enable", responses={200: UserOut}, summary="Let an account in again")
def enable_user(path: IdPath) -> Response:
    user = service.to_change(work(), path.id)
    service.set_active(work(), user, True)
    return answer(user_out(user))


@users.post("/users/<uuid:id>/revoke_sessions", responses={200: RevokedOut}, summary="End all sessions of an account")
def revoke_sessions(path: IdPath, body: RevokeIn) -> Response:
    user = service.to_change(work(), path.id)
    sessions = service.revoke_sessions(work(), user)
    tokens = service_tokens.revoke_tokens(work(), user) if body.tokens else 0
    return answer(RevokedOut(sessions=sessions, tokens=tokens))


@users.post("/users/<uuid:id>/reset_password", responses={204: None}, summary="Set an account's password")
def reset_password(path: IdPath, body: ResetIn) -> Response:
    service.reset_password(work(), service.to_change(work(), path.id), body.password.get_secret_value())
    return no_content()


@users.get("/users/<uuid:id>/sessions", responses={200: Page[SessionOut]}, summary="An account's sessions")
def list_sessions_of_user(path: IdPath, query: PageQuery) -> Response:
    found = service_sessions.sessions_of_user(work(), path.id)
    paged = listed(work().session, found, AuthSession.id, query)
    return page_of(SessionOut, paged, map(session_out, paged.rows))


@users.delete(
    "/users/<uuid:id>/sessions/<uuid:session_id>", responses={204: None}, summary="End one of an account's sessions"
)
def end_session_of_user(path: UserSessionPath) -> Response:
    service_sessions.end_of_user(work(), path.id, path.session_id)
    return no_content()


@users.post(
    "/users/<uuid:id>/sign_in_code",
    responses={200: InvitationOut},
    summary="A one-time code to hand to an account's user",
)
def create_sign_in_code(path: IdPath) -> Response:
    code, expires_at = service_sessions.invite(work(), service.to_change(work(), path.id))
    return answer(InvitationOut(code=code, expires_at=expires_at), headers={"Cache-Control": "no-store"})


@users.get("/users/<uuid:id>/tokens", responses={200: Page[TokenOut]}, summary="An account's API tokens")
def list_tokens_of_user(path: IdPath, query: PageQuery) -> Response:
    found = service_tokens.tokens_of_user(work(), path.id)
    paged = listed(work().session, found, ApiToken.id, query)
    return page_of(TokenOut, paged)


@users.delete("/users/<uuid:id>/tokens/<uuid:token_id>", responses={204: None}, summary="Revoke an account's API token")
def revoke_token_of_user(path: UserTokenPath) -> Response:
    service_tokens.revoke_token_of_user(work(), path.id, path.token_id)
    return no_content()
