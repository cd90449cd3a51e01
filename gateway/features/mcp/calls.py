"""Calls of tools: each is a request to the tool's route as its caller, and the answer becomes the tool's result."""

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Response, current_app

from gateway.core.http import inner
from gateway.core.http.room import actor
from gateway.core.policy import Resource, can

from . import tools
from .protocol import INVALID_PARAMS, Message, RpcError, text
from .tools import Offered

RUN_TASK = "run_task"
WRITE_ARTIFACT = "write_artifact"

_OFFERED = "mcp_tools"

_REST = "name"
"""The argument that may hold slashes: it is all that its route's path ends with."""


def listed() -> list[dict[str, Any]]:
    """The tools that the caller may use on something, at least."""
    return [tool.shown for tool in _offered().values() if _may_use(tool.tool.action)] + [
        shown for shown, action in ((_run_task(), "tasks.create"), (_write_artifact(), "artifacts.create"))
        if _may_use(action)
    ]  # fmt: skip


def call(message: Message) -> dict[str, Any]:
    """What a tool's route answers, as a tool's result. Raises RpcError for a tool that is not there."""
    name, given = message.text("name"), arguments(message)
    if name == WRITE_ARTIFACT:
        return result_of(_store(given))
    found = _offered().get(name)
    if found is None:
        raise RpcError(INVALID_PARAMS, f"There is no tool {name[:80]!r}; tools/list names them.", to=message.id)
    return result_of(_asked(found, given))


def create_task(given: Mapping[str, Any]) -> Response:
    """The task that `run_task` then follows."""
    return inner.ask("POST", "/v1/tasks", body=given)


def arguments(message: Message) -> dict[str, Any]:
    """A call's arguments. Raises RpcError."""
    given = message.params.get("arguments") or {}
    if not isinstance(given, dict):
        raise RpcError(INVALID_PARAMS, "params.arguments: send an object.", to=message.id)
    return given


def result_of(response: Response) -> dict[str, Any]:
    """An answer of a route as the result of a tool; one that refuses is an error the model can read and act on."""
    body = json.loads(response.get_data() or b"null")
    if response.status_code >= 400:
        words = body.get("detail") or body.get("error", {}).get("message") or "It was refused."
        return {"content": [text(words)], "structuredContent": body, "isError": True}
    if not isinstance(body, dict):
        return {"content": [text("Done.")], "isError": False}
    return {"content": [text(json.dumps(body))], "structuredContent": body, "isError": False}


def refused(words: str) -> Response:
    """An answer that says what is wrong with a tool's arguments, in the form of a route's."""
    body = {"title": "Invalid fields", "status": 422, "code": "invalid_fields", "detail": words}
    return Response(json.dumps(body), status=422, mimetype="application/problem+json")


def _asked(found: Offered, given: dict[str, Any]) -> Response:
    tool, path = found.tool, found.tool.path
    for name in found.in_path:
        value = given.get(name)
        if not isinstance(value, str) or value in ("", ".", ".."):
            return refused(f"{name}: it is missing; send a string.")
        if "/" in value and name != _REST:
            return refused(f"{name}: it holds a slash; send it as a list shows it.")
        if found.shown["inputSchema"]["properties"][name].get("format") == "uuid" and not _is_id(value):
            return refused(f"{name}: it is no id; send one as a list shows it.")
        path = path.replace(f"{{{name}}}", quote(value, safe="", errors="surrogatepass"))
    known = {*found.in_path, *found.in_query}
    query = {name: _plain(given[name]) for name in found.in_query if given.get(name) is not None}
    body = {name: value for name, value in given.items() if name not in known}
    if tool.name == "complete_chat":
        body["stream"] = False
    if tool.method in ("GET", "DELETE"):
        if body:
            return refused(f"{next(iter(body))[:80]}: there is no such argument.")
        return inner.ask(tool.method, path, query=query)
    return inner.ask(tool.method, path, query=query, body=body if body or found.in_body else None)


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _store(given: dict[str, Any]) -> Response:
    filename, words, data = given.get("filename"), given.get("text"), given.get("base64")
    if not isinstance(filename, str) or isinstance(words, str) == isinstance(data, str):
        return refused("filename: send it, with either text or base64.")
    try:
        file = words.encode() if isinstance(words, str) else base64.b64decode(str(data), validate=True)
    except ValueError:
        return refused("text or base64: it is not valid; send whole characters, or standard base64.")
    kind = given.get("media_type") or ("text/plain" if isinstance(words, str) else "application/octet-stream")
    return inner.ask("POST", "/v1/artifacts", query={"filename": filename}, file=file, media_type=str(kind))


def _offered() -> dict[str, Offered]:
    """Made once, on first need: routes stay as they are."""
    found: dict[str, Offered] | None = current_app.extensions.get(_OFFERED)
    if found is None:
        found = current_app.extensions[_OFFERED] = tools.offered(current_app.api_doc)  # type: ignore[attr-defined]
    return found


def _may_use(action: str) -> bool:
    return can(actor(), action, Resource(action.split(".")[0], listed=True)).allowed


def _run_task() -> dict[str, Any]:
    created, result = _offered()["create_task"].shown, _offered()["get_task_result"].shown
    return {
        **created,
        "outputSchema": result["outputSchema"],
        "name": RUN_TASK,
        "title": "Run a task and wait for it",
        "description": "Submit a task and wait until it has ended; answers with its result. Tells of its progress, and"
        " canceling the call cancels the task. Give exactly one of prompt, script or commands.",
    }


def _write_artifact() -> dict[str, Any]:
    properties = {
        "filename": {"type": "string"},
        "text": {"type": "string", "description": "the file's text; or send base64"},
        "base64": {"type": "string", "description": "the file's bytes"},
        "media_type": {"type": "string", "description": "such as text/csv"},
    }
    schema = {"type": "object", "properties": properties, "required": ["filename"], "additionalProperties": False}
    return {
        "name": WRITE_ARTIFACT,
        "title": "Store a file",
        "description": "Store a file as an artifact, to be attached to tasks by its id.",
        "inputSchema": schema,
        "outputSchema": _offered()["get_artifact"].shown["outputSchema"],
        "annotations": {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": False},
    }
