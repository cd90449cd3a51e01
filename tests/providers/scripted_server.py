"""A real HTTP server on loopback that behaves exactly as badly as a test tells it to."""

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Exchange:
    """One request as a script sees it: what was asked, and the raw means to answer."""

    def __init__(self, handler: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        length = int(handler.headers.get("content-length") or 0)
        self.body = handler.rfile.read(length)
        self._handler = handler
        self._stopped = stopped

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        self._stopped.wait(seconds)

    def begin(self, status: int = 200, content_type: str = "text/event-stream", **headers: str) -> None:
        """Send status and headers of an answer that ends with its connection."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.flush()

    def begin_kept(self, length: int, *, stays: bool) -> None:
        """Send the head of a JSON answer of that length; the connection stays open after it, or says that it would."""
        self._handler.protocol_version = "HTTP/1.1"
        self.begin(200, "application/json", Content_Length=str(length))
        self._handler.close_connection = not stays

    @property
    def client_port(self) -> int:
        """Which connection it is."""
        return int(self._handler.client_address[1])

    def is_connected(self) -> bool:
        """Whether who asked still waits for more."""
        connection = self._handler.connection
        if self._stopped.is_set():
            return False
        readable, _, _ = select.select([connection], [], [], 0)
        try:
            return not readable or bool(connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def write(self, piece: bytes) -> None:
        """Send bytes at once."""
        self._handler.wfile.write(piece)
        self._handler.wfile.flush()

    def json(self, value: Any, status: int = 200, **headers: str) -> None:
        """Send a whole JSON answer."""
        body = json.dumps(value).encode()
        self.begin(status, "application/json", Content_Length=str(len(body)), **headers)
        self.write(body)

    def reset(self) -> None:
        """Cut the connection as a crashed server does."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._handler.connection.close()


Script = Callable[[Exchange], None]


class ScriptedServer:
    """Where the server listens and what it was asked."""

    def __init__(self, port: int, requests: list[Exchange]) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.requests = requests


@contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    """Serve `script` on a free loopback port until the block ends."""
    requests: list[Exchange] = []
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server asks for
            exchange = Exchange(self, stopped)
            requests.append(exchange)
            try:
                script(exchange)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_REPORT = do_GET  # noqa: N815

        def finish(self) -> None:
            with suppress(OSError):  # the script may have cut the connection
                super().finish()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield ScriptedServer(server.server_port, requests)
    finally:
        stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def chunk(text: str = "", finish_reason: str | None = None, **fields: Any) -> bytes:
    """One `chat.completion.chunk` as a server-sent event."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish_reason}
    value = {"object": "chat.completion.chunk", "choices": [choice], **fields}
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
