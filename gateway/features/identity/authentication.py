"""Finds out who calls, once per request, before any view: bearer token or console cookie.

Every view needs an identity unless it is marked public; no cookie acts without its CSRF token. Public views
look at no identity at all, so that they answer without a database and whatever stale token is sent along.
"""

import ipaddress
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.database import AT_ONCE
from gateway.core.driver.fixed_queries import KeyedQuery
from gateway.core.errors import Forbidden, TooMany, Unauthenticated
from gateway.core.http import inner
from gateway.core.http.room import CALLERS
from gateway.core.identity import Actor
from gateway.core.pace import Pace
from gateway.core.secrets import crypto

from . import queries, service, service_delays
from .models import ApiToken, AuthSession, SessionToken

NOBODY = Actor(user_id=uuid.UUID(int=0), handle="anonymous", roles=frozenset(), via="none")
CSRF_HEADER = "X-CSRF-Token"
GUESSES_A_MINUTE = 20
"""Different wrong tokens that an address may try in a minute."""

DEVICE_LIFE_S = 90 * 86_400
"""How long a device from which somebody signed in is told apart from a stranger's."""

_TOUCH_EVERY_S = 60


class ConsoleSessions(SecureCookieSessionInterface):
    """Flask's sessions, for the console; programs send no cookie, and for them none is made ready to be read."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of the cookie, or an empty one."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class ConsoleUser(UserMixin):  # type: ignore[misc]
    """What Flask-Login keeps: the console session's id, and the actor behind it."""

    def __init__(self, session_id: uuid.UUID, actor: Actor) -> None:
        self.id = str(session_id)
        self.actor = actor


def install(app: Flask) -> None:
    """Adds the hook and Flask-Login. Needs SECRET_KEY and the session factory."""
    app.session_interface = ConsoleSessions()
    login = LoginManager(app)
    login.session_protection = None
    login.user_loader(_load_console_user)

    app.extensions["guesses"] = Pace(GUESSES_A_MINUTE)

    @app.before_request
    def authenticate() -> None:
        g.caller = None  # an inner request shares `g` with the one that makes it, whose view was told other things
        g.actor = request.environ.get(inner.ACTOR) or (_nobody() if _is_public() else _known())


def csrf_token(session_id: str) -> str:
    """The token that proves a request was made by our own page of this session."""
    return crypto.signature(current_app.config["SECRET_KEY"], "csrf", session_id)


def address() -> str | None:
    """The peer's IP address; proxies' headers are not believed."""
    return request.remote_addr


def slow_down(secret: str) -> None:
    """Counts a wrong token or code of the caller's network. Raises TooMany past so many different ones a minute."""
    guesses: Pace = current_app.extensions["guesses"]
    if wait_s := guesses.wait_s(_network(), crypto.digest(secret)):
        raise TooMany.of("wrong tokens", guesses.limit, wait_s)


@contextmanager
def password_attempt(handle: str, *, change: bool = False) -> Iterator[None]:
    """Around the judging of a password for `handle`: wrong ones make the next ones wait.

    Handle and address wait, each by itself. A device from which that user has signed in lately has a counter of
    its own instead, so that no stranger's guesses keep the user out (OWASP, "device cookies"). `change` is for the
    form behind a sign-in, where only that user's own attempts count. Raises TooMany.
    """
    handle = handle.strip().lower()
    sessions = current_app.extensions["gateway_sessions"]
    here = _counter("address", _network())
    if device := _known_device(handle):
        counters = {_counter("device", device): service_delays.DEVICE}
    elif change:
        counters = {_counter("change", handle): service_delays.DEVICE, here: service_delays.ADDRESS}
    else:
        counters = {_counter("handle", handle): service_delays.HANDLE, here: service_delays.ADDRESS}
    with sessions() as session:
        service_delays.begin(session, counters)
    yield
    with sessions() as session:
        service_delays.forgive(session, counters)


def remember_device(response: Response, handle: str) -> Response:
    """Marks the client as one from which `handle` has signed in."""
    if _known_device(handle) is None:
        device = f"{int(time.time())}-{secrets.token_hex(16)}"
        sealed = crypto.signature(current_app.config["SECRET_KEY"], "device", f"{handle}:{device}")
        response.set_cookie(
            _device_cookie(), f"{device}.{sealed}", max_age=DEVICE_LIFE_S, path="/v1", httponly=True, samesite="Strict"
        )
    return response


def _known_device(handle: str) -> str | None:
    """The device that the client's cookie names, where `handle` has signed in from it lately."""
    device, _, sealed = request.cookies.get(_device_cookie(), "").partition(".")
    began = device.partition("-")[0]
    if not began.isdecimal() or len(began) > 12 or time.time() - int(began) > DEVICE_LIFE_S:
        return None
    right = crypto.signature(current_app.config["SECRET_KEY"], "device", f"{handle}:{device}")
    return device if crypto.same(sealed, right) else None


def _device_cookie() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}_device"


def _counter(kind: str, value: str) -> bytes:
    return bytes.fromhex(crypto.signature(current_app.config["SECRET_KEY"], "delay", f"{kind}:{value}"))


def _network() -> str:
    """The caller's address; of IPv6 the /64, which one machine has as a whole."""
    found = ipaddress.ip_address((address() or "::").partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return str(found)


def _known() -> Actor:
    actor = _bearer() or _cookie()
    if actor is None:
        raise Unauthenticated("Sign in, or send Authorization: Bearer TOKEN.")
    return actor


def _bearer() -> Actor | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()  # more than one space is allowed (RFC 9110, "Authentication Scheme")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send Authorization: Bearer TOKEN.", code="bad_authorization")
    actor = _api_token(token) if token.startswith(crypto.TOKEN_PREFIX) else _access_token(token)
    if actor is None:
        slow_down(token)
        raise Unauthenticated("The token is not valid, has expired or was revoked.", code="bad_token")
    return actor


def _api_token(token: str) -> Actor | None:
    if not crypto.looks_like_api_token(token):
        return None
    view = current_app.view_functions.get(request.endpoint or "")
    callers: KeyedQuery = getattr(view, CALLERS, queries.CALLERS)
    with current_app.extensions["gateway_sessions"]() as session:
        found = callers.first(session, crypto.digest(token))
        if found is None:
            return None
        g.caller = found
        if found.last_used_at is None or (now() - found.last_used_at).total_seconds() > _TOUCH_EVERY_S:
            # Of many that come at once the first one notes it, and the others find it noted.
            used = update(ApiToken).where(ApiToken.id == found.token_id)
            used = used.where(ApiToken.last_used_at.is_not_distinct_from(found.last_used_at))
            session.execute(used.values(last_used_at=now(), updated_at=ApiToken.updated_at))
            session.commit()
        return service.actor_of(session, found, "token", found.token_id, address(), found.scopes, found.version)


def _access_token(token: str) -> Actor | None:
    with current_app.extensions["gateway_sessions"]() as session:
        session.connection(execution_options=AT_ONCE)
        found = queries.live_access(session, crypto.digest(token))
        if found is None:
            return None
        opened, user, version, access = found
        if access.used_at is None:
            session.execute(update(SessionToken).where(SessionToken.hash == access.hash).values(used_at=now()))
        _touch(session, opened)
        actor = service.actor_of(session, user, "login", opened.id, address(), version=version)
        return replace(actor, expires_at=access.expires_at)


def _touch(session: Session, opened: AuthSession) -> None:
    """Notes that a session is used, once a minute at most."""
    if opened.last_used_at is None or (now() - opened.last_used_at).total_seconds() > _TOUCH_EVERY_S:
        session.execute(update(AuthSession).where(AuthSession.id == opened.id).values(last_used_at=now()))
        session.commit()


def _cookie() -> Actor | None:
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies or not current_user.is_authenticated:
        return None
    # A page on another port of this machine is "same-site": its requests carry the cookie, and plain GETs no Origin.
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise Forbidden("Pages of another origin may not use this gateway.", code="origin_not_allowed")
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        sent = request.headers.get(CSRF_HEADER, "")
        if not crypto.same(sent, csrf_token(current_user.id)):
            raise Forbidden(f"The {CSRF_HEADER} header is missing or wrong; reload the page.", code="csrf_failed")
    return current_user.actor  # type: ignore[no-any-return]


def _nobody() -> Actor:
    return Actor(NOBODY.user_id, NOBODY.handle, NOBODY.roles, NOBODY.via, address=address())


def _is_public() -> bool:
    return request.endpoint in current_app.extensions["public"]


def _load_console_user(session_id: str) -> ConsoleUser | None:
    try:
        wanted = uuid.UUID(session_id)
    except ValueError:
        return None
    with current_app.extensions["gateway_sessions"]() as session:
        session.connection(execution_options=AT_ONCE)
        found = queries.live_session(session, wanted)
        if found is None:
            return None
        _touch(session, found[0])
        actor = service.actor_of(session, found[1], "console", wanted, address(), version=found[2])
        return ConsoleUser(wanted, actor)
