"""Routes of identity: sign-in, sessions, own account, API tokens."""

from flask import Response, current_app, request
from flask_login import current_user, login_user, logout_user
from pydantic import SecretStr

from gateway.core.errors import Unauthenticated
from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, actor, public, work
from gateway.core.identity import Actor
from gateway.core.paging import listed
from gateway.core.policy import allowed_actions
from gateway.core.schemas import IdPath, Page, PageQuery
from gateway.core.secrets import crypto

from . import service, service_sessions, service_tokens
from .api_users import session_out, user_out, users
from .authentication import ConsoleUser, csrf_token, password_attempt, remember_device, slow_down
from .models import ApiToken, AuthSession, User
from .schemas import (
    CodeOut,
    ConsoleSession,
    LaunchKeyIn,
    LoginIn,
    MePatch,
    PasswordIn,
    RefreshIn,
    SessionIn,
    SessionOut,
    TokenCreated,
    TokenIn,
    TokenOut,
    TokenPair,
    TokenPatch,
    TokenQuery,
    UserOut,
)  # fmt: skip

__all__ = ["room", "users"]

room = Room("identity", __name__, title="Identity")


def _pair(tokens: tuple[str, str, int]) -> Response:
    access, refresh, expires_in = tokens
    return answer(TokenPair(access_token=access, refresh_token=refresh, expires_in=expires_in))


@room.post("/auth/login", responses={200: TokenPair}, summary="Sign in with handle and password")
@public
def login(body: LoginIn) -> Response:
    user = _check_password(body.handle, body.password)
    pair = service_sessions.open_login(work(), user, request.user_agent.string)
    return remember_device(_pair(pair), user.handle)


@room.post("/auth/refresh", responses={200: TokenPair}, summary="Trade a refresh token for the next pair")
@public
def refresh(body: RefreshIn) -> Response:
    token = body.refresh_token.get_secret_value()
    try:
        return _pair(service_sessions.refresh(work(), token))
    except Unauthenticated:
        slow_down(token)
        raise


@room.post("/auth/logout", responses={204: None}, summary="End this session")
def logout() -> Response:
    service_sessions.logout(work())
    return no_content()


@room.post("/auth/codes", responses={201: CodeOut}, summary="A one-time sign-in code, for a process of the same user")
@public
def new_code(body: LaunchKeyIn) -> Response:
    key = body.key.get_secret_value()
    if not crypto.same(key, current_app.config["LAUNCH_KEY"]):
        slow_down(key)
        raise Unauthenticated("The launch key is wrong; it changes with every start.", code="bad_launch_key")
    code = CodeOut(
        code=service_sessions.new_sign_in_code(work()), expires_in=int(service_sessions.CODE_LIFE.total_seconds())
    )
    return answer(code, 201)


@room.post("/auth/session", responses={200: ConsoleSession}, summary="Open a console session")
@public
def open_session(body: SessionIn) -> Response:
    if body.code is not None:
        user = _redeem(body.code.get_secret_value())
    else:
        assert body.handle is not None
        assert body.password is not None
        user = _check_password(body.handle, body.password)
    session = service_sessions.open_console(work(), user, request.user_agent.string)
    console = ConsoleUser(session.id, service.actor_of(work().session, user, "console", session.id, None))
    login_user(console)
    return remember_device(_console(user, csrf_token(console.id), console.actor), user.handle)


@room.get("/auth/session", responses={200: ConsoleSession}, summary="Who is signed in here")
def get_session() -> Response:
    token = csrf_token(current_user.id) if actor().via == "console" else None
    return _console(service.me(work()), token, actor())


@room.delete("/auth/session", responses={204: None}, summary="Sign out of the console")
def close_session() -> Response:
    service_sessions.logout(work())
    logout_user()
    return no_content()


@room.get("/users/me", responses={200: UserOut}, summary="Your own account")
def get_me() -> Response:
    return answer(user_out(service.me(work())))


@room.patch("/users/me", responses={200: UserOut}, summary="Change your own account")
def patch_me(body: MePatch) -> Response:
    user = service.me_for_change(work())
    check_version(user.version)
    return answer(user_out(service.change_me(work(), user, body.changes(), body.welcomed)))


@room.post("/users/me/password", responses={204: None}, summary="Set your own password")
def set_my_password(body: PasswordIn) -> Response:
    current = body.current_password.get_secret_value() if body.current_password else None
    with password_attempt(actor().handle, change=True):
        service.change_password(work(), body.new_password.get_secret_value(), current)
    return no_content()


@room.get("/users/me/sessions", responses={200: Page[SessionOut]}, summary="Where you are signed in")
def list_sessions(query: PageQuery) -> Response:
    found = service_sessions.sessions(work())
    paged = listed(work().session, found, AuthSession.id, query)
    return page_of(SessionOut, paged, map(session_out, paged.rows))


@room.delete("/users/me/sessions/<uuid:id>", responses={204: None}, summary="End one of your sessions")
def end_session(path: IdPath) -> Response:
    service_sessions.end_own(work(), path.id)
    return no_content()


@room.get("/tokens", responses={200: Page[TokenOut]}, summary="Your API tokens")
def list_tokens(query: TokenQuery) -> Response:
    paged = listed(work().session, service_tokens.tokens(work(), query.q), ApiToken.id, query)
    return page_of(TokenOut, paged)


@room.post("/tokens", responses={201: TokenCreated}, summary="Create an API token; its secret is shown once")
def create_token(body: TokenIn) -> Response:
    token, secret = service_tokens.create_token(work(), body.name, body.scopes, body.expires_at)
    shown = TokenCreated(**TokenOut.model_validate(token).model_dump(), token=secret)
    return created(shown, f"/v1/tokens/{token.id}")


@room.get("/tokens/<uuid:id>", responses={200: TokenOut}, summary="One API token")
def get_token(path: IdPath) -> Response:
    return answer(TokenOut.model_validate(service_tokens.get_token(work(), path.id)))


@room.patch("/tokens/<uuid:id>", responses={200: TokenOut}, summary="Rename an API token")
def rename_token(path: IdPath, body: TokenPatch) -> Response:
    token = service_tokens.token_for_change(work(), path.id)
    check_version(token.version)
    return answer(TokenOut.model_validate(service_tokens.rename_token(work(), token, body.name)))


@room.delete("/tokens/<uuid:id>", responses={204: None}, summary="Revoke an API token")
def revoke_token(path: IdPath) -> Response:
    service_tokens.revoke_token(work(), path.id)
    return no_content()


def _check_password(handle: str, password: SecretStr) -> User:
    with password_attempt(handle):
        return service_sessions.check_password(work(), handle, password.get_secret_value())


def _redeem(code: str) -> User:
    try:
        return service_sessions.redeem_code(work(), code)
    except Unauthenticated:
        slow_down(code)
        raise


def _console(user: User, csrf: str | None, acting: Actor) -> Response:
    return answer(
        ConsoleSession(
            user=user_out(user),
            csrf_token=csrf,
            first_run=user.welcomed_at is None,
            actions=allowed_actions(acting),
            last_event_seq=current_app.extensions["fanout"].seq,
        )
    )
