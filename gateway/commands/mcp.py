"""`app.py mcp`: the MCP server over standard input and output, as a bridge to the running gateway's `/mcp`.

Each line is a message. Calls run at the same time; what they are told goes out as whole lines. Nothing but messages is
written to standard output.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TextIO

import httpx

from gateway.core.errors import Unauthenticated
from gateway.features.mcp.protocol import (
    META,
    METHOD_HEADER,
    NAME_HEADER,
    NAMED_BY,
    SESSION_HEADER,
    VERSION_HEADER,
    encoded,
)

AT_ONCE = 32
INTERNAL_ERROR = -32603

SignInCode = Callable[[], str | None]
"""A one-time code of the gateway on this machine, for whoever may read its data directory."""


def run(url: str, sign_in_code: SignInCode, lines: TextIO, out: TextIO) -> None:
    """Serves until standard input ends. With GATEWAY_TOKEN set it is that token's user, else the owner."""
    with httpx.Client(base_url=url, trust_env=False, timeout=httpx.Timeout(30, read=None)) as http:
        Bridge(http, sign_in_code, out).serve(lines)


class Bridge:
    """Carries messages between a client's pipe and the gateway."""

    def __init__(self, http: httpx.Client, sign_in_code: SignInCode, out: TextIO) -> None:
        self._http = http
        self._sign_in_code = sign_in_code
        self._out = out
        self._writing = threading.Lock()
        self._signing_in = threading.Lock()
        self._headers: dict[str, str] = {}
        self._session: dict[str, str] = {}
        self._open: dict[Any, httpx.Response] = {}

    def serve(self, lines: TextIO) -> None:
        """Takes every line of input. Raises Unauthenticated when nobody can be signed in."""
        self._sign_in()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    message = json.loads(line)
                except ValueError:
                    self._write({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Not JSON."}})
                    continue
                if _is(message, "initialize") or not _is(message):
                    self._carry(message)  # what follows depends on it
                elif _is(message, "notifications/cancelled"):
                    self._cancel(message)
                else:
                    pool.submit(self._carry, message)
            for response in list(self._open.values()):
                response.close()

    def _carry(self, message: Any) -> None:
        try:
            self._send(message)
        except Unauthenticated as error:
            self._fail(message, error.detail)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            self._fail(message, f"The gateway cannot be reached: {error}")

    def _send(self, message: Any, *, once_more: bool = True) -> None:
        headers = {**self._headers, **self._session, **_headers_of(message)}
        with self._http.stream("POST", "/mcp", content=json.dumps(message), headers=headers) as response:
            if response.status_code == 401 and once_more and "Cookie" in self._headers:
                response.close()
                self._sign_in()
                self._send(message, once_more=False)
                return
            id_ = _key(message.get("id")) if isinstance(message, dict) else None
            if id_ is not None:
                self._open[id_] = response
            try:
                for answer in _messages(response):
                    self._remember(response, answer)
                    self._write({**answer, "id": id_} if "error" in answer and answer.get("id") is None else answer)
            finally:
                self._open.pop(id_, None)

    def _cancel(self, message: dict[str, Any]) -> None:
        """In the newest revision the gateway is told by closing the call, before it by a message."""
        self._carry(message)
        wanted = _key(_params(message).get("requestId"))
        if VERSION_HEADER not in self._session and (response := self._open.pop(wanted, None)) is not None:
            with suppress(OSError):
                response.close()

    def _remember(self, response: httpx.Response, answer: dict[str, Any]) -> None:
        if session := response.headers.get(SESSION_HEADER):
            version = (answer.get("result") or {}).get("protocolVersion", "")
            self._session = {SESSION_HEADER: session, VERSION_HEADER: version}

    def _fail(self, message: Any, words: str) -> None:
        if isinstance(message, dict) and message.get("id") is not None:
            self._write({"jsonrpc": "2.0", "id": message["id"], "error": {"code": INTERNAL_ERROR, "message": words}})

    def _write(self, message: dict[str, Any]) -> None:
        with self._writing:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def _sign_in(self) -> None:
        if token := os.environ.get("GATEWAY_TOKEN"):
            self._headers = {"Authorization": f"Bearer {token}"}
            return
        with self._signing_in:
            answer = self._http.post("/v1/auth/session", json={"code": self._sign_in_code()})
            if answer.status_code != 201 and answer.status_code != 200:
                raise Unauthenticated("Nobody could be signed in; set GATEWAY_TOKEN to an API token.")
            cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
            self._headers = {"Cookie": cookies, "X-CSRF-Token": answer.json()["csrf_token"]}
            self._http.cookies.clear()


def _is(message: Any, method: str | None = None) -> bool:
    return isinstance(message, dict) and (method is None or message.get("method") == method)


def _params(message: dict[str, Any]) -> dict[str, Any]:
    """The parameters by name. What is not as it should be is the gateway's to refuse."""
    params = message.get("params")
    return params if isinstance(params, dict) else {}


def _key(id_: Any) -> str | int | None:
    """The id of a request, which is text or a whole number."""
    return id_ if isinstance(id_, str | int) else None


def _headers_of(message: Any) -> dict[str, str]:
    """The headers that repeat what a message of the newest revision says."""
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    if not isinstance(message, dict):
        return headers
    params = _params(message)
    meta = params.get("_meta")
    version = meta.get(META + "protocolVersion") if isinstance(meta, dict) else None
    if version is None:
        return headers
    headers |= {VERSION_HEADER: str(version), METHOD_HEADER: str(message.get("method"))}
    if name := params.get(NAMED_BY.get(str(message.get("method")), "")):
        headers[NAME_HEADER] = encoded(str(name))
    return headers


def _messages(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The messages of an answer, whichever way it comes."""
    if response.headers.get("Content-Type", "").startswith("text/event-stream"):
        for line in response.iter_lines():
            if line.startswith("data: ") and (data := line.removeprefix("data: ")):
                yield json.loads(data)
    elif response.status_code != 202 and (body := response.read()):
        found = json.loads(body)
        if "jsonrpc" in found:
            yield found
        else:  # a problem document: nobody was let in, or too often
            error = {"code": INTERNAL_ERROR, "message": found.get("detail", "It was refused."), "data": found}
            yield {"jsonrpc": "2.0", "id": None, "error": error}


def standard_streams() -> tuple[TextIO, TextIO]:
    """Standard input and output as UTF-8, whatever the machine's locale."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    return sys.stdin, sys.stdout
