"""Pages of other origins that the operator has listed may use the routes made for them (Fetch, "CORS protocol").

They send a bearer token like any client. Cookies are never for them, so credentials are not allowed.
"""

import re

from flask import Flask, Response, current_app, request

_HEADERS = re.compile(r"authorization|content-type|x-request-id|(x-stainless|openai|x-openwebui)-[a-z-]+")
_EXPOSED = "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Thread-Id, X-Task-Id"
PREFLIGHT_S = 600


def install(app: Flask, origins: tuple[str, ...]) -> None:
    """Answers preflights and marks answers, for these origins alone. Put it after the check of `Host`."""
    app.extensions["cross_origins"] = frozenset(origin.lower().rstrip("/") for origin in origins)

    @app.before_request
    def preflight() -> Response | None:
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return _preflight() if is_preflight and is_allowed() else None

    @app.after_request
    def mark(response: Response) -> Response:
        if is_allowed():
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            response.headers.add("Vary", "Origin")
        return response


def is_allowed() -> bool:
    """Whether a page of a listed origin asks for a route of a room that is meant for such pages."""
    origin: str | None = request.environ.get("HTTP_ORIGIN")
    listed: frozenset[str] = current_app.extensions["cross_origins"]
    if origin is None or origin.lower() not in listed:
        return False
    room = current_app.blueprints.get(request.blueprint or "")
    return bool(getattr(room, "cross_origin", False))


def _preflight() -> Response:
    wanted = request.headers.get("Access-Control-Request-Headers", "").lower().replace(" ", "").split(",")
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Allow-Headers"] = ", ".join(name for name in wanted if _HEADERS.fullmatch(name))
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        response.headers["Access-Control-Allow-Private-Network"] = "true"
    return response
