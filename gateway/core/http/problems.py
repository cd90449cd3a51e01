"""Renders every error in one place as application/problem+json (RFC 9457). No traceback, SQL or secret leaves."""

import errno
import json
from collections.abc import Callable, Sequence
from typing import Any

import psycopg.errors
import sqlalchemy.exc
import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import ValidationError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from werkzeug.exceptions import HTTPException

from gateway.core.clock import new_id
from gateway.core.driver.statements import circle
from gateway.core.errors import (
    BadRequest,
    Conflict,
    FieldError,
    GatewayError,
    InsufficientStorage,
    Invalid,
    NotFound,
    NotReady,
)
from gateway.core.findings import findings

log = structlog.get_logger("gateway")

_CODES = {
    400: "malformed_request", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    408: "request_timeout", 409: "conflict", 412: "stale_version", 413: "too_large", 414: "uri_too_long",
    415: "unsupported_media_type", 416: "range_not_satisfiable", 422: "invalid_fields", 429: "too_many_requests",
    431: "headers_too_large",
}  # fmt: skip

ErrorShape = Callable[[int, str, str, Sequence[FieldError]], dict[str, Any]]
"""Status, detail, code and rejected fields as the JSON body that the clients of certain routes expect of an error."""

SHAPES = "error_shapes"
"""Extension: the shape of errors by blueprint, and by path where a request matched no method of it."""

NO_PAGE = "no_page"
"""Extension: the view for whoever opens an address that nothing has."""

_KEPT_HEADERS = ("Allow", "Retry-After", "Content-Range")


def install(app: Flask) -> None:
    """Registers the renderers for every kind of error a request can end in."""
    app.register_error_handler(GatewayError, render)
    app.register_error_handler(HTTPException, _render_http)
    app.register_error_handler(sqlalchemy.exc.SQLAlchemyError, _render_database)
    app.register_error_handler(OSError, _render_os)
    app.register_error_handler(RecursionError, _render_too_deep)
    app.register_error_handler(Exception, _render_unexpected)


def render(error: GatewayError) -> Response:
    """The answer for an error of ours."""
    return problem(
        error.status,
        error.title,
        error.detail,
        error.code,
        errors=error.errors or None,
        headers=error.headers,
    )


def problem(
    status: int,
    title: str,
    detail: str,
    code: str,
    *,
    errors: list[Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document with the request's id, or what the route at hand answers in its place."""
    media_type = "application/problem+json"
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id", ""),
    }
    if errors:
        body["errors"] = errors
    if (shape := _own_shape()) is not None:
        media_type, body = "application/json", shape(status, detail, code, errors or ())
    response = Response(json.dumps(body), status=status, mimetype=media_type)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="gateway"'
    response.headers.update(headers or {})
    return response


def unread(status: int, title: str) -> bytes:
    """The whole HTTP/1.1 answer to what could not be read as a request; the connection ends with it."""
    request_id = str(new_id())
    problem = {"type": "about:blank", "title": title, "status": status, "detail": f"{title}."}
    body = json.dumps({**problem, "code": _CODES[status], "request_id": request_id})
    head = (
        f"HTTP/1.1 {status} {title}", "Connection: close", "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}", f"X-Request-Id: {request_id}",
    )  # fmt: skip
    return "\r\n".join((*head, "", body)).encode("ascii")


def _own_shape() -> ErrorShape | None:
    shapes: dict[str, ErrorShape] = current_app.extensions.get(SHAPES, {})
    return shapes.get(request.blueprint or request.path)


def invalid_from(error: ValidationError) -> Invalid:
    """pydantic's findings as a 422 that names each field."""
    return Invalid.fields((field or "body", message) for field, message in findings(error))


def _is_looked_for() -> bool:
    """Whether somebody has opened an address in a browser that neither console nor API has.

    Browsers say so themselves (Fetch Metadata, Sec-Fetch-Mode).
    """
    is_opened = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method == "GET"
    return is_opened and NO_PAGE in current_app.extensions and not request.path.startswith("/v1/")


def _render_http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    if status == 404 and _is_looked_for():
        page: Response = current_app.extensions[NO_PAGE]()
        page.status_code = status
        return page
    headers = {name: value for name, value in error.get_headers() if name in _KEPT_HEADERS}
    return problem(
        status, error.name, error.description or error.name, _CODES.get(status, "http_error"), headers=headers
    )


def _render_database(error: sqlalchemy.exc.SQLAlchemyError) -> Response:
    if isinstance(error, StaleDataError):
        return render(Conflict("It was changed at the same moment by someone else; read it again and retry."))
    if isinstance(error, ObjectDeletedError):  # what was left to be read of it when somebody wanted to see it
        return render(NotFound("It was deleted at the same moment."))
    cause = getattr(error, "orig", None)
    named = {"error": type(error).__name__, "cause": type(cause).__name__}
    log.error("database error", **named, path=request.path, **circle(error))
    if isinstance(cause, psycopg.errors.DiskFull):
        return render(InsufficientStorage("The disk that holds the database is full; free some space and retry."))
    if isinstance(cause, psycopg.errors.DataError):
        return render(Invalid("A value cannot be stored; check sizes, ranges and characters."))
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return render(Conflict("Something of that name exists already; choose another name."))
    if isinstance(cause, psycopg.errors.IntegrityError):
        return render(Conflict("The change does not fit what is stored; read it again."))
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError | sqlalchemy.exc.TimeoutError):
        return render(
            NotReady(
                "The database does not answer at the moment; retry in a few seconds.",
                headers={"Retry-After": "2"},
            )
        )
    return _render_unexpected(error)


def _render_too_deep(error: RecursionError) -> Response:
    return render(BadRequest("The body is nested too deeply."))


def _render_os(error: OSError) -> Response:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return render(InsufficientStorage("The disk is full; free some space and retry."))
    return _render_unexpected(error)


def _render_unexpected(error: Exception) -> Response:
    log.error("unexpected error", path=request.path, request_id=g.get("request_id"), exc_info=error)
    return problem(
        500,
        "Internal error",
        "The gateway failed on this request; its log has the request id.",
        "internal_error",
    )
