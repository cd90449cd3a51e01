"""Pages of other origins that the operator has listed may use the routes made for them (Fetch, "CORS protocol").

They send a bearer token like any client. Cookies are never for them, so credentials are not allowed.
"""

import re

from flask import Flask, Response, current_app, g, request

from gateway.core.errors import Forbidden

_HEADERS = re.compile(
    r"authorization|content-type|idempotency-key|x-(request-id|thread-id|parent-id|keep-as)"
    r"|(x-stainless|openai|x-openwebui)-[a-z-]+"
)
_EXPOSED = "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Thread-Id, X-Task-Id"
PREFLIGHT_S = 600


def install(app: Flask, origins: tuple[str, ...]) -> None:
    """Answers preflights and marks answers, for these origins alone. Put it after the check of `Host`."""
    app.extensions["cross_origins"] = frozenset(origin.lower().rstrip("/") for origin in origins)

    @app.before_request
    def options() -> Response | None:
        # The guards have refused foreign pages; whoever else asks, and is no page, is answered without a login, too.
        return _options() if request.method == "OPTIONS" and _is_for_pages() else None

    @app.after_request
    def mark(response: Response) -> Response:
        if g.get("is_shared"):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            response.headers.add("Vary", "Origin")
        return response


def check_origin(origin: str | None) -> None:
    """Raises Forbidden when a page of an origin that is neither ours nor listed sent the request (RFC 6454)."""
    if origin is None:
        return
    is_ours = origin.lower() == f"{request.scheme}://{request.environ['HTTP_HOST']}".lower()
    listed: frozenset[str] = current_app.extensions["cross_origins"]
    g.is_shared = _is_for_pages() and (is_ours or origin.lower() in listed)
    if not is_ours and not g.is_shared:
        raise Forbidden("Pages of another origin may not use this gateway.", code="origin_not_allowed")


def _is_for_pages() -> bool:
    room = current_app.blueprints.get(request.blueprint or "")
    return bool(getattr(room, "cross_origin", False))


def _options() -> Response:
    wanted = request.headers.get("Access-Control-Request-Headers", "").lower().replace(" ", "").split(",")
    response = Response(status=204)
    response.allow.update((request.url_rule and request.url_rule.methods) or ())
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Allow-Headers"] = ", ".join(name for name in wanted if _HEADERS.fullmatch(name))
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        response.headers["Access-Control-Allow-Private-Network"] = "true"
    return response
