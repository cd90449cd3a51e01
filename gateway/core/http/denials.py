"""The audit record of requests that were refused, at the door or inside.

Services record what they decide. Here is the rest: callers without a valid identity, other people's pages,
and ids that are not the caller's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc
import structlog
from flask import Flask, Response, current_app, g, request

from gateway.core import audit
from gateway.core.audit import audit_row
from gateway.core.driver.commits import commit_with
from gateway.core.errors import GatewayError
from gateway.core.pace import Pace
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

AT_THE_DOOR = (401, 403, 421)
INSIDE = (401, 403, 404, 410)
RECORDS_ITSELF = "records_itself"
"""Name in `flask.g`: the view is at work, in units of its own that record what they refuse."""
A_MINUTE = 3000
"""Refusals at the door that are recorded a minute: any web page can cause some, none may fill the disk."""

_VERBS = {"GET": "read", "HEAD": "read", "POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}

log = structlog.get_logger("gateway.audit")


def install(app: Flask) -> None:
    """Records every request that was refused before it reached a view."""
    pace = Pace(A_MINUTE)

    @app.after_request
    def record(response: Response) -> Response:
        is_recorded = "work" in g or g.get(RECORDS_ITSELF, False)
        if response.status_code in AT_THE_DOOR and not is_recorded and not pace.wait_s(None, object()):
            _record(response.status_code)
        return response


@contextmanager
def recorded(work: Work) -> Iterator[None]:
    """Around a view: a refusal that no service has recorded is recorded here."""
    try:
        yield
    except GatewayError as error:
        if error.status in INSIDE and not work.denied:
            action, resource = attempt()
            work.record(action, resource, allowed=False, reason=error.detail)
        raise


def attempt() -> tuple[str, Resource]:
    """What the request at hand tried, read off its route: action and resource."""
    if request.url_rule is None:
        return f"unknown.{_VERBS.get(request.method, 'other')}", Resource("unknown")
    parts = [part for part in request.url_rule.rule.split("/") if part and part != "v1"]
    kind = parts[0].replace("-", "_") if parts else "pages"
    verb = _VERBS.get(request.method, "other")
    if request.method == "POST" and len(parts) > 1 and not parts[-1].startswith("<"):
        verb = parts[-1]
    wanted = (request.view_args or {}).get("id")
    return f"{kind}.{verb}", Resource(kind, str(wanted)[:200] if wanted is not None else None)


def _record(status: int) -> None:
    action, resource = attempt()
    row = audit_row(
        g.get("actor"), action, resource,
        allowed=False, reason=f"refused at the door with {status}", request_id=g.get("request_id"),
    )  # fmt: skip
    row["address"] = request.remote_addr
    try:
        with current_app.extensions["gateway_sessions"]() as session:
            commit_with(session, [audit.appended([row])], wait="never")
            session.commit()
    except sqlalchemy.exc.SQLAlchemyError as error:
        log.warning("a refusal could not be recorded", error=type(error).__name__)
