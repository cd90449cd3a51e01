"""The endpoint of the Model Context Protocol (streamable HTTP), and where its clients learn how to sign in."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, current_app, g, request

import gateway
from gateway.core.errors import Invalid, MethodNotAllowed, NotFound, UnsupportedMediaType
from gateway.core.http import inner
from gateway.core.http.answers import CLIENT, answer, event_stream, no_content
from gateway.core.http.room import PROBLEMS, Room, actor, ok, opens_units, public
from gateway.core.secrets import crypto

from . import calls, completions, prompts, resources
from .protocol import (
    BY_HANDSHAKE,
    METHOD_NOT_FOUND,
    NEWEST,
    SESSION_HEADER,
    Message,
    RpcError,
    agreed_version,
    answered,
    read,
)
from .schemas import ProtectedResource
from .service import Following, OpenCalls, Thread

METADATA = "/.well-known/oauth-protected-resource"
SERVER = {"name": "user-api-gateway", "title": "User API Gateway", "version": gateway.__version__}
OFFERS: dict[str, Any] = {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}
INSTRUCTIONS = (
    "Tasks are carried out by this gateway: scripts and commands in a sandbox, prompts by an agent. run_task waits for"
    " the outcome; create_task does not. What a tool may do is what its user may do; each call is recorded."
)
CALLS = "mcp_calls"
"""Extension: the calls that are on their way."""


_ERROR = {
    "type": "object", "required": ["jsonrpc", "error"],
    "properties": {"error": {"type": "object", "required": ["code", "message"]}},
}  # fmt: skip
ERRORS: dict[Any, Any] = {
    "default": {
        "description": "an error of the protocol, or a problem that ended the request before its message was read",
        "content": {"application/json": {"schema": _ERROR}, **PROBLEMS["default"]["content"]},
    }
}
MESSAGE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One JSON-RPC message of the Model Context Protocol.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object", "required": ["jsonrpc", "method"],
                    "properties": {
                        "jsonrpc": {"type": "string", "enum": ["2.0"]}, "id": {"type": "integer"},
                        "method": {"type": "string"}, "params": {"type": "object"},
                    },
                }
            }
        },
    }
}  # fmt: skip

room = Room("mcp", __name__, title="MCP", prefix="/", errors=ERRORS)
described = Room("mcp_described", __name__, title="MCP", prefix="/")


@room.post(
    "/mcp",
    responses={200: ok("application/json", "text/event-stream", schema_type="object"), 202: None},
    summary="A message to the MCP server",
    openapi_extensions=MESSAGE,
)
@opens_units
def post_message() -> Response:
    if not request.is_json:
        raise UnsupportedMediaType("Send the message as application/json.")
    _check_session()
    _act_through_mcp()
    message: Message | None = None
    try:
        message = read(request.get_data(), request.headers.get)
        if message is None or message.id is None:
            return _take_notice(message)
        return _answer(message)
    except RpcError as error:
        # Before the newest revision an error of a method was an answer like another.
        status = error.status if message is None or message.is_newest else 200
        return Response(json.dumps(error.body()), status=status, mimetype="application/json")


@room.get(
    "/mcp",
    responses={200: ok("text/event-stream")},
    summary="Takes up the answer of a call whose connection was lost (Last-Event-ID)",
)
@opens_units
def resume() -> Response:
    _check_session()
    _act_through_mcp()
    last = request.headers.get("Last-Event-ID")
    if last is None:
        raise MethodNotAllowed("Nothing is sent but answers; POST messages.", headers={"Allow": "POST"})
    thread = Thread.read(last)
    if thread is None:
        raise Invalid.field("Last-Event-ID", "send the id of the last event you saw, unchanged")
    _refuse_unless_theirs(thread)
    message = Message(thread.id, "tools/call", {}, BY_HANDSHAKE[0])
    return event_stream(_following(message, thread).events(resumable=True))


@room.delete("/mcp", responses={204: None}, summary="Ends a session; nothing is kept of one")
@opens_units
def end_session() -> Response:
    _check_session()
    return no_content()


@described.get(METADATA, responses={200: ProtectedResource}, summary="How clients of the MCP server sign in (RFC 9728)")
@public
def get_protected_resource() -> Response:
    return answer(_metadata())


@described.get(f"{METADATA}/mcp", responses={200: ProtectedResource}, summary="The same, by the server's path")
@public
def get_protected_resource_of_path() -> Response:
    return answer(_metadata())


def _metadata() -> ProtectedResource:
    root = request.host_url.rstrip("/")
    return ProtectedResource(resource=f"{root}/mcp", resource_documentation=f"{root}/docs")


def _answer(message: Message) -> Response:
    if message.method == "tools/call" and message.params.get("name") == calls.RUN_TASK:
        return _run_task(message)
    headers = {}
    if message.method == "initialize":
        headers[SESSION_HEADER] = _new_session()
    body = _message(message, _result(message))
    return Response(json.dumps(body), mimetype="application/json", headers=headers)


def _result(message: Message) -> dict[str, Any]:
    method = _METHODS.get(message.method) or (_OF_NEWEST if message.is_newest else _BEFORE).get(message.method)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"There is no method {message.method[:80]!r} here.", to=message.id)
    return method(message)


def _initialize(message: Message) -> dict[str, Any]:
    version = agreed_version(message.params.get("protocolVersion"))
    return {"protocolVersion": version, "capabilities": OFFERS, "serverInfo": SERVER, "instructions": INSTRUCTIONS}


_METHODS: dict[str, Callable[[Message], dict[str, Any]]] = {
    "tools/list": lambda _: {"tools": calls.listed()},
    "tools/call": calls.call,
    "resources/list": resources.listed,
    "resources/templates/list": lambda _: {"resourceTemplates": resources.TEMPLATES},
    "resources/read": resources.read,
    "prompts/list": lambda _: {"prompts": prompts.listed()},
    "prompts/get": prompts.filled,
    "completion/complete": completions.suggested,
}
_OF_NEWEST: dict[str, Callable[[Message], dict[str, Any]]] = {
    "server/discover": lambda _: {
        "supportedVersions": [NEWEST], "capabilities": OFFERS, "instructions": INSTRUCTIONS,
    },
}  # fmt: skip
_BEFORE: dict[str, Callable[[Message], dict[str, Any]]] = {"initialize": _initialize, "ping": lambda _: {}}


def _message(message: Message, result: dict[str, Any]) -> dict[str, Any]:
    cacheable = message.method.endswith("/list") or message.method in ("server/discover", "resources/read")
    return answered(message, result, SERVER, cacheable=cacheable)


def _run_task(message: Message) -> Response:
    created = calls.create_task(calls.arguments(message))
    if created.status_code != 201:
        body = _message(message, calls.result_of(created))
        return Response(json.dumps(body), mimetype="application/json")
    assert message.id is not None
    thread = Thread(json.loads(created.get_data())["id"], message.id, message.progress_token)
    _calls().begin(_name_of(message.id), thread.task)
    following = _following(message, thread)
    if message.is_newest and (client := request.environ.get(CLIENT)) is not None:
        following.cancel_when_closed(client)
    if "text/event-stream" in request.headers.get("Accept", ""):
        return event_stream(following.events(resumable=not message.is_newest))
    return Response(json.dumps(following.result()), mimetype="application/json")


def _following(message: Message, thread: Thread) -> Following:
    name = _name_of(thread.id)
    open_calls = _calls()

    def finish(result: dict[str, Any]) -> dict[str, Any]:
        open_calls.end(name)
        return _message(message, result)

    app = current_app
    sessions, fanout = app.extensions["gateway_sessions"], app.extensions["fanout"]
    return Following(sessions, fanout, actor(), g.request_id, thread, finish)


def _take_notice(message: Message | None) -> Response:
    """A notification. Only a cancellation changes something, and in the newest revision closing the call says that."""
    if message is not None and message.method == "notifications/cancelled" and not message.is_newest:
        task = _calls().end(_name_of(message.params.get("requestId")))
        if task is not None:
            inner.ask("POST", f"/v1/tasks/{task}/cancel")
    return Response(status=202)


def _refuse_unless_theirs(thread: Thread) -> None:
    if inner.ask("GET", f"/v1/tasks/{thread.task}").status_code != 200:
        raise NotFound("There is no such call, or it is not yours.")


def _calls() -> OpenCalls:
    return current_app.extensions.setdefault(CALLS, OpenCalls())  # type: ignore[no-any-return]


def _name_of(id_: Any) -> tuple[Any, ...]:
    """How a caller names a call of their own: nobody else can, not even another client with the same token."""
    session = request.headers.get(SESSION_HEADER)
    return actor().user_id, actor().credential_id, session, id_ if isinstance(id_, str | int) else None


def _act_through_mcp() -> None:
    """What follows is on record as done by an MCP client, and rules can name it: a model chose it, not the user."""
    g.actor = replace(actor(), through="mcp")


def _new_session() -> str:
    """Tells clients with one token apart; any gateway process knows it for its own, and none has to keep it."""
    name = secrets.token_hex(16)
    return f"{name}.{_seal(name)}"


def _check_session() -> None:
    sent = request.headers.get(SESSION_HEADER)
    name, _, seal = (sent or "").partition(".")
    if sent is not None and not crypto.same(seal, _seal(name)):
        raise NotFound("There is no such session; begin anew with initialize.", code="no_such_session")


def _seal(name: str) -> str:
    return crypto.signature(current_app.config["SECRET_KEY"], "mcp", f"{actor().user_id}:{name}")
