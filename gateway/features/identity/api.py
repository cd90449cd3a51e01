"""Routes of identity: sign-in, sessions, own account, API tokens."""

from flask import Response, current_app
from flask_login import current_user, login_user, logout_user

from gateway.core import crypto
from gateway.core.answers import answer, check_version, created, no_content, page_of
from gateway.core.errors import Unauthenticated
from gateway.core.identity import Actor
from gateway.core.paging import page
from gateway.core.policy import allowed_actions
from gateway.core.room import Room, actor, public, work
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service
from .authentication import ConsoleUser, csrf_token, slow_down
from .models import ApiToken, User
from .schemas import (
    CodeOut,
    ConsoleSession,
    LaunchKeyIn,
    LoginIn,
    MePatch,
    PasswordIn,
    RefreshIn,
    SessionIn,
    TokenCreated,
    TokenIn,
    TokenOut,
    TokenPair,
    UserOut,
)  # fmt: skip

room = Room("identity", __name__, title="Identity")


def _user(user: User) -> UserOut:
    return UserOut(
        id=user.id, version=user.version, created_at=user.created_at, updated_at=user.updated_at, handle=user.handle,
        display_name=user.display_name, role=user.role, roles=[user.role], is_active=user.is_active,
        has_password=user.password_hash is not None,
    )  # fmt: skip


def _pair(tokens: tuple[str, str, int]) -> Response:
    access, refresh, expires_in = tokens
    return answer(TokenPair(access_token=access, refresh_token=refresh, expires_in=expires_in))


@room.post("/auth/login", responses={200: TokenPair}, summary="Sign in with handle and password")
@public
def login(body: LoginIn) -> Response:
    user = service.check_password(work(), body.handle, body.password.get_secret_value())
    return _pair(service.open_login(work(), user))


@room.post("/auth/refresh", responses={200: TokenPair}, summary="Trade a refresh token for the next pair")
@public
def refresh(body: RefreshIn) -> Response:
    token = body.refresh_token.get_secret_value()
    try:
        return _pair(service.refresh(work(), token))
    except Unauthenticated:
        slow_down(token)
        raise


@room.post("/auth/logout", responses={204: None}, summary="End this session")
def logout() -> Response:
    service.logout(work())
    return no_content()


@room.post("/auth/codes", responses={201: CodeOut}, summary="A one-time sign-in code, for a process of the same user")
@public
def new_code(body: LaunchKeyIn) -> Response:
    key = body.key.get_secret_value()
    if not crypto.same(key, current_app.config["LAUNCH_KEY"]):
        slow_down(key)
        raise Unauthenticated("The launch key is wrong; it changes with every start.", code="bad_launch_key")
    code = CodeOut(code=service.new_sign_in_code(work()), expires_in=int(service.CODE_LIFE.total_seconds()))
    return answer(code, 201)


@room.post("/auth/session", responses={200: ConsoleSession}, summary="Open a console session")
@public
def open_session(body: SessionIn) -> Response:
    if body.code is not None:
        user = _redeem(body.code.get_secret_value())
    else:
        assert body.handle is not None
        assert body.password is not None
        user = service.check_password(work(), body.handle, body.password.get_secret_value())
    session = service.open_console(work(), user)
    console = ConsoleUser(session.id, service.actor_of(user, "console", session.id, None))
    login_user(console)
    return _console(user, csrf_token(console.id), console.actor)


@room.get("/auth/session", responses={200: ConsoleSession}, summary="Who is signed in here")
def get_session() -> Response:
    token = csrf_token(current_user.id) if actor().via == "console" else None
    return _console(service.me(work()), token, actor())


@room.delete("/auth/session", responses={204: None}, summary="Sign out of the console")
def close_session() -> Response:
    service.logout(work())
    logout_user()
    return no_content()


@room.get("/users/me", responses={200: UserOut}, summary="Your own account")
def get_me() -> Response:
    return answer(_user(service.me(work())))


@room.patch("/users/me", responses={200: UserOut}, summary="Change your own account")
def patch_me(body: MePatch) -> Response:
    user = service.me_for_change(work())
    check_version(user.version)
    return answer(_user(service.change_me(work(), user, body.display_name, body.welcomed)))


@room.post("/users/me/password", responses={204: None}, summary="Set your own password")
def set_my_password(body: PasswordIn) -> Response:
    current = body.current_password.get_secret_value() if body.current_password else None
    service.change_password(work(), body.new_password.get_secret_value(), current)
    return no_content()


@room.get("/tokens", responses={200: Page[TokenOut]}, summary="Your API tokens")
def list_tokens(query: PageQuery) -> Response:
    rows, cursor = page(work().session, service.tokens(work()), ApiToken.id, limit=query.limit, cursor=query.cursor)
    return page_of(TokenOut, rows, cursor)


@room.post("/tokens", responses={201: TokenCreated}, summary="Create an API token; its secret is shown once")
def create_token(body: TokenIn) -> Response:
    token, secret = service.create_token(work(), body.name, body.scopes, body.expires_at)
    shown = TokenCreated(**TokenOut.model_validate(token).model_dump(), token=secret)
    return created(shown, f"/v1/tokens/{token.id}")


@room.delete("/tokens/<uuid:id>", responses={204: None}, summary="Revoke an API token")
def revoke_token(path: IdPath) -> Response:
    service.revoke_token(work(), path.id)
    return no_content()


def _redeem(code: str) -> User:
    try:
        return service.redeem_code(work(), code)
    except Unauthenticated:
        slow_down(code)
        raise


def _console(user: User, csrf: str | None, acting: Actor) -> Response:
    return answer(
        ConsoleSession(
            user=_user(user),
            csrf_token=csrf,
            first_run=user.welcomed_at is None,
            actions=allowed_actions(acting),
        )
    )
