"""Messages of the Model Context Protocol over HTTP: JSON-RPC, and how its revisions differ.

The newest revision has neither handshake nor session: each request carries its revision and is answered by itself.
The ones before it begin with `initialize`. https://modelcontextprotocol.io/specification
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NEWEST = "2026-07-28"
BY_HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Revisions that begin with `initialize`, newest first."""

META = "io.modelcontextprotocol/"
VERSION_HEADER = "MCP-Protocol-Version"
METHOD_HEADER = "Mcp-Method"
NAME_HEADER = "Mcp-Name"
SESSION_HEADER = "Mcp-Session-Id"

NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods of which a header repeats what they are about, and the parameter that says it."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_STATUS = {METHOD_NOT_FOUND: 404}
_BASE64, _END = "=?base64?", "?="


class RpcError(Exception):
    """An error of the protocol itself; what a tool refuses is part of its result instead."""

    def __init__(self, code: int, message: str, data: Any = None, *, to: "RequestId" = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.to = to

    @property
    def status(self) -> int:
        """The HTTP status in the newest revision; before, an error of a method was a 200."""
        return _STATUS.get(self.code, 400)

    def body(self) -> dict[str, Any]:
        """The error as a message."""
        error = {"code": self.code, "message": self.message}
        return {"jsonrpc": "2.0", "id": self.to, "error": error if self.data is None else {**error, "data": self.data}}


RequestId = str | int | None

Header = Callable[[str], str | None]
"""A header of the request by its name."""


@dataclass(frozen=True)
class Message:
    """A request, or a notification where `id` is None."""

    id: RequestId
    method: str
    params: dict[str, Any]
    version: str

    @property
    def is_newest(self) -> bool:
        """Whether it is of the revision without handshake."""
        return self.version == NEWEST

    @property
    def progress_token(self) -> str | int | None:
        """What the client wants to be told of the progress by, if at all."""
        token = self.params.get("_meta", {}).get("progressToken")
        return token if isinstance(token, str | int) else None

    def text(self, name: str) -> str:
        """A parameter that has to be there. Raises RpcError."""
        value = self.params.get(name)
        if not isinstance(value, str) or not value:
            raise RpcError(INVALID_PARAMS, f"params.{name} is missing; send a string.", to=self.id)
        return value


def read(body: bytes, header: Header) -> Message | None:
    """The message in a request's body; None for a client's answer, of which there is nothing to make.

    Raises RpcError.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise RpcError(PARSE_ERROR, "The body is not valid JSON.") from None
    if isinstance(found, dict) and "method" not in found and ("result" in found or "error" in found):
        return None
    if not _is_message(found):
        raise RpcError(INVALID_REQUEST, "Send one JSON-RPC request or notification.")
    id_, params = found.get("id"), found.get("params") or {}
    wanted = header(VERSION_HEADER)
    meta = params.get("_meta", {})
    if wanted == NEWEST or META + "protocolVersion" in meta:
        _check_envelope(found["method"], params, meta, header, id_)
        return Message(id_, found["method"], params, NEWEST)
    if wanted is not None and wanted not in BY_HANDSHAKE:
        raise _unsupported(wanted, id_)
    return Message(id_, found["method"], params, wanted or BY_HANDSHAKE[0])


def _is_message(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and found.get("jsonrpc") == "2.0"
        and isinstance(found.get("method"), str)
        and isinstance(found.get("params") or {}, dict)
        and isinstance((found.get("params") or {}).get("_meta", {}), dict)
        and ("id" not in found or (isinstance(found["id"], str | int) and not isinstance(found["id"], bool)))
    )


def _check_envelope(method: str, params: dict[str, Any], meta: dict[str, Any], header: Header, id_: RequestId) -> None:
    """What each request of the newest revision says of itself, and its headers say once more.

    Whoever reads only these must not be told something else. Raises RpcError.
    """
    wanted = header(VERSION_HEADER)
    if id_ is None:
        if wanted != NEWEST:
            raise _unsupported(str(wanted), id_)
        return
    missing = [META + name for name in ("protocolVersion", "clientCapabilities") if META + name not in meta]
    if missing:
        raise RpcError(INVALID_PARAMS, f"params._meta lacks {', '.join(missing)}.", to=id_)
    if wanted != meta[META + "protocolVersion"]:
        raise RpcError(HEADER_MISMATCH, f"The header {VERSION_HEADER} and params._meta differ.", to=id_)
    if header(METHOD_HEADER) != method:
        raise RpcError(HEADER_MISMATCH, f"The header {METHOD_HEADER} is not the method of the body.", to=id_)
    name = params.get(NAMED_BY.get(method, ""))
    if name is not None and _decoded(header(NAME_HEADER)) != name:
        raise RpcError(HEADER_MISMATCH, f"The header {NAME_HEADER} is not what the body names.", to=id_)
    if wanted != NEWEST:
        raise _unsupported(str(wanted), id_)


def _unsupported(wanted: str, id_: RequestId) -> RpcError:
    data = {"supported": [NEWEST, *BY_HANDSHAKE], "requested": wanted[:100]}
    return RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version.", data, to=id_)


def encoded(text: str) -> str:
    """A text as a header says it: as base64 where it is more than plain ASCII, or would come as another."""
    if text.isascii() and text.isprintable() and text == text.strip() and not text.startswith(_BASE64):
        return text
    return f"{_BASE64}{base64.b64encode(text.encode(errors='replace')).decode()}{_END}"


def _decoded(value: str | None) -> str | None:
    """Reverses `encoded`; None for what is not made so."""
    if value is None or not (value.startswith(_BASE64) and value.endswith(_END)):
        return value
    try:
        return base64.b64decode(value.removeprefix(_BASE64).removesuffix(_END), validate=True).decode()
    except ValueError:
        return None


def agreed_version(wanted: Any) -> str:
    """The revision for a client that begins with `initialize`: its own, or the newest that has a handshake."""
    return wanted if wanted in BY_HANDSHAKE else BY_HANDSHAKE[0]


def answered(message: Message, result: dict[str, Any], server: dict[str, str], *, cacheable: bool) -> dict[str, Any]:
    """A result as a message, with what the newest revision wants in each."""
    if message.is_newest:
        meta = {META + "serverInfo": server, **result.get("_meta", {})}
        result = {"resultType": "complete", **result, "_meta": meta}
        if cacheable:
            result |= {"ttlMs": 0, "cacheScope": "private"}
    return {"jsonrpc": "2.0", "id": message.id, "result": result}


def notification(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Something the client is told beside answers."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def text(words: str) -> dict[str, Any]:
    """Words as content."""
    return {"type": "text", "text": words}


def event(message: dict[str, Any] | None, id_: str | None = None) -> str:
    """A message as a server-sent event. None only gives the client an id to resume from."""
    lines = [f"id: {id_}"] if id_ is not None else []
    lines += ["data: "] if message is None else ["event: message", f"data: {json.dumps(message)}"]
    return "\n".join(lines) + "\n\n"
