"""How a room's routes join the gateway: authenticated, in one unit of work, with idempotency keys.

A route parses, calls one service function and answers; everything around it happens here.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from flask import Response, current_app, g, make_response, request
from flask_openapi3 import APIBlueprint
from flask_openapi3.models import Tag
from flask_openapi3.utils import parse_parameters
from werkzeug.exceptions import BadRequest as WerkzeugBadRequest

from gateway.core import idempotency, tombstones
from gateway.core.driver.fixed_queries import KeyedQuery
from gateway.core.errors import BadRequest, Forbidden, Gone, Invalid, NotFound, UnsupportedMediaType
from gateway.core.identity import Actor
from gateway.core.policy import Resource, can
from gateway.core.schemas import Problem
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work, unit_of_work

from . import denials, replay
from .problems import ErrorShape

PUBLIC = "is_public"
"""View attribute: callable without an identity. The whole list is asserted by a test."""

TAKES_FILE = "takes_file"
"""View attribute: the action that the file in the body, multipart or raw, is for."""

MAY_BE_ABSENT = "may_be_absent"
"""Attribute of a body's model (`In`): no body at all means one without fields."""

CALLERS = "callers"
"""View attribute: the query by which its callers are known, and what it needs to know of them besides."""

OPENS_UNITS = "opens_units"
"""View attribute: it opens units of work itself, since it waits for others for long."""

_PROBLEM = {"application/problem+json": {"schema": Problem.model_json_schema()}}

PROBLEMS: dict[Any, Any] = {
    "401": {"description": "no or bad identity", "content": _PROBLEM},
    "403": {"description": "not allowed", "content": _PROBLEM},
    "422": {"description": "invalid fields", "content": _PROBLEM},
    "default": {"description": "any other error; its `code` says which", "content": _PROBLEM},
}

_BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}

_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One file: the part `file` of a form, or the whole body, then named by `?filename=`.",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": _BYTES}},
            },
            "*/*": {"schema": _BYTES},
        },
    }
}


def public(view: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a view that needs no identity."""
    setattr(view, PUBLIC, True)
    return view


def takes_file(action: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a view whose body is a file.

    It is received before the unit of work begins, however long that takes, but not from a caller who may not do
    `action` at all.
    """

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        setattr(view, TAKES_FILE, action)
        return view

    return mark


def opens_units(view: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a view that waits for others for long: it holds no unit of work meanwhile, but opens some with `unit`."""
    setattr(view, OPENS_UNITS, True)
    return view


def knows_callers(by: KeyedQuery) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a view that is told more about who calls by an API token, asked for in the same round trip: `caller`."""

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        setattr(view, CALLERS, by)
        return view

    return mark


@contextmanager
def unit() -> Iterator[Work]:
    """A unit of work of the request's caller, for a view that `opens_units`. A refusal inside is recorded."""
    sessions = current_app.extensions["gateway_sessions"]
    read_only = request.method in ("GET", "HEAD")
    opened = unit_of_work(sessions, g.actor, request_id=g.request_id, read_only=read_only)
    with opened as g.work, denials.recorded(g.work), _gone_if_purged(g.work):
        yield g.work


@contextmanager
def _gone_if_purged(work: Work) -> Iterator[None]:
    """Around a view: what is not there because a policy has purged it is gone (410), not unknown."""
    try:
        yield
    except NotFound as error:
        wanted = (request.view_args or {}).get("id")
        if request.url_rule is None or not isinstance(wanted, uuid.UUID):
            raise
        kind = request.url_rule.rule.partition("/<uuid:id>")[0].rpartition("/")[2]
        for grave in tombstones.find(work.session, work.actor, kind.replace("-", "_"), [wanted]):
            raise Gone(f"It was purged at {grave.purged_at:%Y-%m-%d %H:%M} UTC: {grave.reason}.") from error
        raise


def ok(*media_types: str, schema_type: str = "string") -> dict[str, Any]:
    """The OpenAPI description of an answer that has no model."""
    content = {media_type: {"schema": {"type": schema_type}} for media_type in media_types}
    return {"description": "OK", "content": content}


def actor() -> Actor:
    """Who calls."""
    return g.actor  # type: ignore[no-any-return]


def caller() -> Any:
    """The row by which the caller was known, of a view that `knows_callers`; None where it was not by an API token."""
    return g.caller


def work() -> Work:
    """The request's unit of work."""
    return g.work  # type: ignore[no-any-return]


def keys() -> KeyStore:
    """What the gateway seals and opens secrets with."""
    return current_app.extensions["key_store"]  # type: ignore[no-any-return]


class Room(APIBlueprint):
    """A blueprint under /v1 whose views each run in one unit of work."""

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        title: str,
        prefix: str = "/v1",
        error_shape: ErrorShape | None = None,
        errors: dict[Any, Any] = PROBLEMS,
        cross_origin: bool = False,
        body_limit: str = "MAX_CONTENT_LENGTH",
    ) -> None:
        """`error_shape` makes the body of every error of these routes, and `errors` describes them, where they are
        not to be problem documents. `cross_origin` opens them to pages of the origins that the operator has listed.
        `body_limit` names the size limit of their bodies.
        """
        self.error_shape = error_shape
        self.cross_origin = cross_origin
        self.body_limit = body_limit
        self._undescribed: list[Callable[[], Any]] = []
        super().__init__(
            name,
            import_name,
            url_prefix=prefix,
            abp_tags=[Tag(name=title)],
            abp_responses=errors,
            abp_security=[{"bearer": []}],
        )

    def _collect_openapi_info(self, rule: str, func: Callable[..., Any], **options: Any) -> Any:
        # Describing all routes takes as long as all else at a start, and few ever ask for the document.
        self._undescribed.append(partial(self._describe, rule, func, options))
        return parse_parameters(func, doc_ui=False)

    def describe(self) -> None:
        """Puts the room's routes into its part of the OpenAPI document: `tags`, `paths`, `components_schemas`."""
        while self._undescribed:
            self._undescribed.pop(0)()
        for item in self.paths.values():
            if item.patch is not None and item.patch.requestBody is not None:
                kinds = item.patch.requestBody.content
                kinds.setdefault("application/merge-patch+json", kinds["application/json"])

    def _describe(self, rule: str, func: Callable[..., Any], options: dict[str, Any]) -> None:
        if hasattr(func, TAKES_FILE):
            options["openapi_extensions"] = _FILE_BODY
        security = self.abp_security
        if getattr(func, PUBLIC, False):
            self.abp_security = []
        try:
            super()._collect_openapi_info(rule, func, **options)
        finally:
            self.abp_security = security

    def _add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
        inner = view_func.__wrapped__
        view = _in_unit_of_work(view_func, inner, self.body_limit)
        setattr(view, PUBLIC, getattr(inner, PUBLIC, False))
        super()._add_url_rule(rule, endpoint, view, *args, **options)


def _in_unit_of_work(view: Callable[..., Any], inner: Callable[..., Any], body_limit: str) -> Callable[..., Any]:
    _, _, _, query, _, body, _ = parse_parameters(inner, doc_ui=False)
    file_for: str | None = getattr(inner, TAKES_FILE, None)
    takes_query = query is not None or getattr(inner, PUBLIC, False)

    @wraps(view)
    def run(**arguments: Any) -> Response:
        request.max_content_length = current_app.config[body_limit]
        if not takes_query:
            _refuse_query()
        if body is not None and not (getattr(body, MAY_BE_ABSENT, False) and _has_no_body()):
            _require_json()
        if file_for is not None:
            _receive(file_for)
        if hasattr(inner, OPENS_UNITS):
            return make_response(view(**arguments))
        with unit():
            if request.method == "POST":
                return _once(view, arguments, is_file=file_for is not None)
            return make_response(view(**arguments))

    return run


def _once(view: Callable[..., Any], arguments: dict[str, Any], *, is_file: bool) -> Response:
    key = request.headers.get(idempotency.HEADER)
    if key is None or g.actor.via == "none":
        return make_response(view(**arguments))
    session, actor_id = g.work.session, g.actor.user_id
    fingerprint = replay.fingerprint_of_request(g.actor.scopes, is_file=is_file)
    if (earlier := replay.answer_of_before(session, actor_id, key, fingerprint)) is not None:
        action, resource = denials.attempt()
        g.work.record(action, resource, allowed=True, reason="answered again for its idempotency key")
        return earlier
    response = make_response(view(**arguments))
    if response.status_code < 300 and not response.is_streamed:
        replay.keep(session, actor_id, key, response)
    return response


def _has_no_body() -> bool:
    return not request.content_length and "Transfer-Encoding" not in request.headers


def _refuse_query() -> None:
    for name in request.args:
        raise Invalid.field(name[:80], "there is no such parameter here")


def _receive(action: str) -> None:
    # Where the file goes is only known to the view: until then it is enough to hold the right anywhere.
    decision = can(g.actor, action, Resource(action.split(".")[0], listed=True))
    if not decision.allowed:
        raise Forbidden(f"{action} is not allowed: {decision.reason}.")
    request.receive()  # type: ignore[attr-defined]


def _require_json() -> None:
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as application/json.")
    if not isinstance(sent_json(), dict):
        raise Invalid.field("body", "send a JSON object")


def sent_json() -> Any:
    """The body as JSON, packed or not. Raises BadRequest where it is none."""
    request.unpack()  # type: ignore[attr-defined]
    try:
        return request.get_json()
    except WerkzeugBadRequest as error:
        raise BadRequest("The body is not valid JSON; check quotes, commas and encoding.") from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deeply.") from error
