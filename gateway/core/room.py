"""How a room's routes join the gateway: authenticated, in one unit of work, with idempotency keys.

A route parses, calls one service function and answers; everything around it happens here.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, current_app, g, make_response, request
from flask_openapi3 import APIBlueprint
from flask_openapi3.models import Tag
from flask_openapi3.utils import parse_parameters
from werkzeug.exceptions import BadRequest as WerkzeugBadRequest

from . import idempotency
from .errors import BadRequest, UnsupportedMediaType
from .identity import Actor
from .schemas import Problem
from .unit_of_work import Work, unit_of_work

PUBLIC = "is_public"
"""View attribute: callable without an identity. The whole list is asserted by a test."""

PROBLEMS: dict[Any, Any] = {
    status: {
        "description": words,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status, words in ((401, "no or bad identity"), (403, "not allowed"), (422, "invalid fields"))
}


def public(view: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a view that needs no identity."""
    setattr(view, PUBLIC, True)
    return view


def actor() -> Actor:
    """Who calls."""
    return g.actor  # type: ignore[no-any-return]


def work() -> Work:
    """The request's unit of work."""
    return g.work  # type: ignore[no-any-return]


class Room(APIBlueprint):
    """A blueprint under /v1 whose views each run in one unit of work."""

    def __init__(self, name: str, import_name: str, *, title: str, prefix: str = "/v1") -> None:
        super().__init__(
            name,
            import_name,
            url_prefix=prefix,
            abp_tags=[Tag(name=title)],
            abp_responses=PROBLEMS,
            abp_security=[{"bearer": []}],
        )

    def _add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
        inner = view_func.__wrapped__
        view = _in_unit_of_work(view_func, takes_json=parse_parameters(inner, doc_ui=False)[5] is not None)
        setattr(view, PUBLIC, getattr(inner, PUBLIC, False))
        super()._add_url_rule(rule, endpoint, view, *args, **options)


def _in_unit_of_work(view: Callable[..., Any], *, takes_json: bool) -> Callable[..., Any]:
    @wraps(view)
    def run(**arguments: Any) -> Response:
        if takes_json:
            _require_json()
        read_only = request.method in ("GET", "HEAD")
        sessions = current_app.extensions["gateway_sessions"]
        with unit_of_work(sessions, g.actor, request_id=g.request_id, read_only=read_only) as g.work:
            return _once(view, arguments) if request.method == "POST" else make_response(view(**arguments))

    return run


def _once(view: Callable[..., Any], arguments: dict[str, Any]) -> Response:
    key = request.headers.get(idempotency.HEADER)
    if key is None or g.actor.via == "none":
        return make_response(view(**arguments))
    session, actor_id = g.work.session, g.actor.user_id
    if (earlier := idempotency.claim(session, actor_id, key, idempotency.fingerprint_of_request())) is not None:
        return earlier
    response = make_response(view(**arguments))
    if response.status_code < 300 and not response.is_streamed:
        idempotency.keep(session, actor_id, key, response)
    return response


def _require_json() -> None:
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as application/json.")
    try:
        request.get_json()
    except WerkzeugBadRequest as error:
        raise BadRequest("The body is not valid JSON; check quotes, commas and encoding.") from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deeply.") from error
