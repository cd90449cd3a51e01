"""The one route that the world posts to: public, with a size limit of its own, acting in the name of hooks' owners."""

import json

from flask import Response, current_app, g, request

from gateway.core.clock import now
from gateway.core.http.denials import RECORDS_ITSELF
from gateway.core.http.room import Room, actor, ok, opens_units, public
from gateway.core.schemas import IdPath
from gateway.core.storable import storable_json

from .requests import Received
from .service_receive import Inbox

world = Room("hooks_world", __name__, title="Hooks", prefix="", body_limit="HOOK_LIMIT_BYTES")

_INBOX = "hooks_inbox"
_ANY_BODY = {"requestBody": {"description": "Whatever the sender sends.", "content": {"*/*": {"schema": {}}}}}


@world.post(
    "/hooks/<uuid:id>",
    responses={200: ok("application/json", schema_type="object"), 202: ok("application/json", schema_type="object")},
    summary="Post to a hook; signed as the hook asks for",
    openapi_extensions=_ANY_BODY,
)
@public
@opens_units
def receive(path: IdPath) -> Response:
    setattr(g, RECORDS_ITSELF, True)
    told = _inbox().receive(actor(), path.id, _received(), g.request_id)
    response = Response(json.dumps(told.body), status=told.status, mimetype="application/json")
    if told.is_repeated:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _received() -> Received:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = {name: values if len(values) > 1 else values[0] for name, values in request.args.lists()}
    return Received(storable_json(headers), storable_json(query), request.get_data(), request.remote_addr, now())


def _inbox() -> Inbox:
    """This process's one, since it counts what comes."""
    made = current_app.extensions
    if _INBOX not in made:
        made[_INBOX] = Inbox(made["gateway_sessions"], made["key_store"])
    return made[_INBOX]  # type: ignore[no-any-return]
