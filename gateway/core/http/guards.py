"""Checks before any route: whose Host, whose Origin, how large, which request id."""

import re

from flask import Flask, g, request

from gateway.core.clock import new_id
from gateway.core.errors import Misdirected

from . import cors

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")


def install(app: Flask, allowed_hosts: tuple[str, ...]) -> None:
    """Puts the checks in front of every request, WebSockets included."""
    hosts = LOCAL_HOSTS | {host.lower() for host in allowed_hosts}

    @app.before_request
    def guard() -> None:
        sent = request.headers.get("X-Request-Id", "")
        g.request_id = sent if _REQUEST_ID.fullmatch(sent) else str(new_id())
        check_host(request.environ.get("HTTP_HOST"), hosts)
        cors.check_origin(request.environ.get("HTTP_ORIGIN"))


def check_host(host: str | None, allowed: frozenset[str]) -> None:
    """Raises Misdirected unless `host` is one allowed name: what DNS rebinding cannot fake."""
    match = _HOST.fullmatch(host or "")
    if match is None or match[1].lower() not in allowed:
        raise Misdirected("This gateway does not answer to that Host; use http://127.0.0.1 with its port.")
