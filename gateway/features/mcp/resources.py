"""Results and files as resources. Each is read through its route, as the caller."""

import base64
import json
import re
from typing import Any

from flask import Response

from gateway.core.http import inner

from .protocol import INVALID_PARAMS, Message, RpcError

MOST_BYTES = 8 * 2**20
"""Larger files are not sent as a message; they are streamed from their route."""

NOT_FOUND = -32002
A_PAGE = 50

TEMPLATES = [
    {
        "uriTemplate": "gateway://tasks/{id}/result", "name": "Result of a task", "mimeType": "application/json",
        "description": "Status, output, what each command wrote, and links to its files.",
    },
    {
        "uriTemplate": "gateway://tasks/{id}/logs", "name": "Log of a task's last run", "mimeType": "application/json",
        "description": "The first 200 pieces; get_task_logs pages on.",
    },
    {
        "uriTemplate": "gateway://artifacts/{id}", "name": "A file",
        "description": f"Text or bytes of an artifact of up to {MOST_BYTES // 2**20} MiB.",
    },
]  # fmt: skip

_URI = re.compile(r"gateway://(tasks|artifacts)/([0-9a-f-]{36})(/result|/logs)?")


def listed(message: Message) -> dict[str, Any]:
    """A page of files, newest first, and on the first page the results of the newest tasks. Raises RpcError."""
    cursor = message.params.get("cursor")
    query: dict[str, Any] = {"limit": A_PAGE}
    found = []
    if isinstance(cursor, str):
        query["cursor"] = cursor
    else:
        tasks = _read(message, "/v1/tasks", {"limit": A_PAGE}, absent_when_refused=True)
        found = [_result_of(task) for task in tasks["items"] if task["status"] in ("completed", "failed")]
    files = _read(message, "/v1/artifacts", query, absent_when_refused=cursor is None)
    found += [_file(file) for file in files["items"]]
    return {"resources": found} | ({"nextCursor": files["next_cursor"]} if files["next_cursor"] else {})


def read(message: Message) -> dict[str, Any]:
    """The contents of a resource. Raises RpcError."""
    uri = message.text("uri")
    match = _URI.fullmatch(uri)
    if match is None or (match[1] == "artifacts") == bool(match[3]):
        raise RpcError(NOT_FOUND, "There is no such resource.", {"uri": uri[:200]}, to=message.id)
    kind, id_, part = match.groups()
    if kind == "tasks":
        found = _read(message, f"/v1/tasks/{id_}{part}", {"limit": 200} if part == "/logs" else {})
        return {"contents": [{"uri": uri, "mimeType": "application/json", "text": json.dumps(found)}]}
    about = _read(message, f"/v1/artifacts/{id_}")
    if about["size"] > MOST_BYTES:
        words = f"The file has {about['size']} bytes; read it from /v1/artifacts/{id_}/content."
        raise RpcError(INVALID_PARAMS, words, {"uri": uri}, to=message.id)
    data = _ok(message, inner.ask("GET", f"/v1/artifacts/{id_}/content")).get_data()
    return {"contents": [{"uri": uri, "mimeType": about["media_type"], **_as_content(data, about["media_type"])}]}


def _as_content(data: bytes, media_type: str) -> dict[str, str]:
    if media_type.startswith("text/") or media_type in ("application/json", "application/xml"):
        try:
            return {"text": data.decode()}
        except UnicodeDecodeError:
            pass
    return {"blob": base64.b64encode(data).decode()}


def _result_of(task: dict[str, Any]) -> dict[str, Any]:
    uri = f"gateway://tasks/{task['id']}/result"
    return {"uri": uri, "name": f"{task['name']} ({task['status']})", "mimeType": "application/json"}


def _file(file: dict[str, Any]) -> dict[str, Any]:
    return {
        "uri": f"gateway://artifacts/{file['id']}", "name": file["filename"], "mimeType": file["media_type"],
        "size": file["size"],
    }  # fmt: skip


def _read(
    message: Message, path: str, query: dict[str, Any] | None = None, *, absent_when_refused: bool = False
) -> dict[str, Any]:
    response = inner.ask("GET", path, query=query)
    if absent_when_refused and response.status_code == 403:
        return {"items": [], "next_cursor": None}
    return json.loads(_ok(message, response).get_data())  # type: ignore[no-any-return]


def _ok(message: Message, response: Response) -> Response:
    if response.status_code < 400:
        return response
    code = NOT_FOUND if response.status_code == 404 else INVALID_PARAMS
    raise RpcError(code, json.loads(response.get_data())["detail"], to=message.id)
