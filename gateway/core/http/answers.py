"""What a route answers with: JSON bodies, ETags, Location, pages. Uses the request at hand."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel

from gateway.core.errors import Invalid, PreconditionFailed
from gateway.core.paging import Listed
from gateway.core.schemas import Out

CLIENT = "gateway.client"
"""WSGI environment: the socket to the client, for who must know when it has gone."""

M = TypeVar("M", bound=Out)


def answer(body: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`body` as JSON; with a `version` in it comes an ETag, and a matching If-None-Match answers 304.

    The ETag is the version and a digest of the body: names of other things and states that are told with a thing change
    without it.
    """
    text = body.model_dump_json().encode()
    response = Response(text, status=status, mimetype="application/json")
    version = getattr(body, "version", None)
    if isinstance(version, int):
        response.set_etag(f"{version}-{hashlib.sha256(text).hexdigest()[:16]}")
        if status == 200 and request.method == "GET":
            response.make_conditional(request)
    if headers:
        response.headers.update(headers)
    return response


def created(body: BaseModel, location: str) -> Response:
    """201 with Location."""
    return answer(body, 201, {"Location": location})


def page_of(shape: type[M], found: Listed[Any], shown: Iterable[Any] | None = None) -> Response:
    """A list's page: each row, or what is `shown` of it, in `shape` with the fields that were asked for.

    Raises Invalid for one that it does not have.
    """
    chosen = _chosen(shape)
    rows = found.rows if shown is None else shown
    items = ",".join(shape.model_validate(row).model_dump_json(include=chosen) for row in rows)
    cursor = f'"{found.next_cursor}"' if found.next_cursor is not None else "null"
    count = f',"count":{found.count}' if found.count is not None else ""
    return Response(f'{{"items":[{items}],"next_cursor":{cursor}{count}}}', mimetype="application/json")


def _chosen(shape: type[Out]) -> set[str] | None:
    """The `fields` of the request, or None for all."""
    asked = request.args.get("fields")
    if asked is None:
        return None
    names, known = set(asked.split(",")), shape.model_fields.keys() | shape.model_computed_fields.keys()
    if unknown := names - known:
        raise Invalid.field("fields", f"{min(unknown)[:80]} is none; there are {', '.join(sorted(known))}")
    return names


def event_stream(lines: Iterator[str] | Iterator[bytes]) -> Response:
    """Server-Sent Events that nothing on the way may buffer."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(lines, mimetype="text/event-stream", headers=headers)


def complete(response: Response, headers: Mapping[str, str]) -> None:
    """Gives an answer those of the headers that it does not have yet, by one look at what it has."""
    given = {name.lower() for name, _ in response.headers}
    response.headers.extend({name: value for name, value in headers.items() if name.lower() not in given})


def is_websocket() -> bool:
    """Whether the request opens a WebSocket: its view returns once that is closed, and nobody closes its answer."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def no_content() -> Response:
    """204."""
    return Response(status=204)


def check_version(version: int) -> None:
    """Raises PreconditionFailed when If-Match names another version than `version` (RFC 9110, 13.1.1).

    It may be the version alone, and what else was told with it may have changed.
    """
    asked = request.if_match
    if asked and not asked.star_tag and str(version) not in {tag.partition("-")[0] for tag in asked}:
        raise PreconditionFailed(
            f"The resource has changed since you read it; it is at version {version} now. Read it again."
        )
