"""Any list of the API as a file: its pages are asked for one after the other, as its caller, while the file is sent."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, stream_with_context

from gateway.core.clock import now
from gateway.core.errors import NotFound
from gateway.core.exporting import MEDIA_TYPES, lines
from gateway.core.http import inner

from . import lists
from .schemas import ListExportQuery

A_PAGE = 200


def exported(name: str, query: ListExportQuery) -> Response:
    """The list at `/v1/NAME` as a file, or what its route answers instead. Raises NotFound for what is no list."""
    path = f"/v1/{name}"
    if lists.known(path) is None:
        raise NotFound(f"There is no list {path[:80]}; the OpenAPI document names those that are.")
    chosen = {"fields": query.fields} if query.fields else {}
    filters = {**(query.model_extra or {}), **chosen, "limit": A_PAGE}
    first = inner.ask("GET", path, query=filters)
    if first.status_code != 200:
        return first
    columns = query.fields.split(",") if query.fields else None
    body = lines(_pages(path, filters, first), query.format, columns)
    filename = f"{re.sub(r'[^a-z0-9]+', '-', name)[:60]}-{now():%Y-%m-%d}.{query.format}"
    return Response(
        stream_with_context(body),
        content_type=MEDIA_TYPES[query.format],
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "X-Accel-Buffering": "no"},
    )


def _pages(path: str, filters: Mapping[str, Any], first: Response) -> Iterator[list[dict[str, Any]]]:
    """The items of each page. A page that is refused cuts the file off: a short one must not look whole."""
    response = first
    while True:
        if response.status_code != 200:
            raise ConnectionAbortedError(f"a page of {path} was answered with {response.status_code}")
        found = json.loads(response.get_data())
        yield found["items"]
        if found["next_cursor"] is None:
            return
        response = inner.ask("GET", path, query={**filters, "cursor": found["next_cursor"]})
