"""Requests that the gateway makes to its own routes for a caller it has let in: the same rules, record and limits.

So that something that speaks another protocol need not repeat what a route does. The view that makes them holds no
unit of work of its own (`room.opens_units`).
"""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast
from urllib.parse import unquote_to_bytes, urlencode

from flask import Response, current_app, g, request

from .answers import CLIENT

ACTOR = "gateway.actor"
"""WSGI environment: whom the outer request was let in as. No client can set it."""

_KEPT = (
    "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR", "REMOTE_PORT", "HTTP_HOST", "HTTP_USER_AGENT",
    "HTTP_OPENAI_PROJECT", "wsgi.version", "wsgi.url_scheme", "wsgi.errors", "wsgi.multithread", "wsgi.multiprocess",
    "wsgi.run_once", CLIENT,
)  # fmt: skip


def ask(
    method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None, file: bytes | None = None,
    media_type: str = "application/json", headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """The answer of another route to the caller of the request at hand: `body` as JSON, or `file` as it is.

    `path` is as in a URL, with what no path may hold in percent codes; WSGI has it without them (PEP 3333).
    Half a character in `query` is passed on as bytes that are none, for the route to judge. `headers` are sent
    besides; who calls is no matter of theirs.
    """
    sent = file if file is not None else b"" if body is None else json.dumps(body).encode()
    environ = {name: request.environ[name] for name in _KEPT if name in request.environ}
    environ |= {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": urlencode(query or {}, True, errors="surrogatepass"),
        "CONTENT_LENGTH": str(len(sent)), "wsgi.input": BytesIO(sent), "HTTP_X_REQUEST_ID": g.request_id,
        ACTOR: g.actor,
    }  # fmt: skip
    for name, value in (headers or {}).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    if sent:
        environ["CONTENT_TYPE"] = media_type
    return cast("Response", Response.from_app(current_app.wsgi_app, environ, buffered=True))
