"""Servers that speak the other side's protocol: webhooks, Slack, Discord, Mattermost, Matrix, ntfy, SMTP, a desktop."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MailHandler
from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

TOKEN = "let-me-in"
ROOM = "!room:example.org"


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Receiver:
    """An HTTP server on this machine. `answer` decides about each request; `requests` keeps them all."""

    answer: Callable[[Request], Reply] = lambda _: (204, {}, b"")
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def accepted(self) -> list[Request]:
        """The requests that were answered 2xx."""
        return [request for request in self.requests if request.headers["x-answered"].startswith("2")]


@contextmanager
def receiver(answer: Callable[[Request], Reply] | None = None) -> Iterator[Receiver]:
    """A receiver while the block lasts."""
    held = Receiver(answer) if answer else Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # who sent it was killed meanwhile
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body, time.monotonic())
            status, more, content = held.answer(request)
            headers["x-answered"] = str(status)
            held.requests.append(request)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - as the library calls them

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()


def _said(status: int, value: Any) -> Reply:
    content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return status, {"Content-Type": "text/plain" if isinstance(value, str) else "application/json"}, content


def slack(request: Request) -> Reply:
    """Slack's incoming webhooks, as its documentation answers."""
    if request.path != "/services/T0/B0/abc":
        return _said(404, "no_service")
    return _said(200, "ok") if request.json.get("text") else _said(400, "no_text")


def discord(request: Request) -> Reply:
    """Discord's "Execute Webhook"."""
    if request.path != "/api/webhooks/1/abc?wait=true":
        return _said(404, {"message": "Unknown Webhook", "code": 10015})
    content = request.json.get("content", "")
    if not 1 <= len(content) <= 2000:
        return _said(400, {"message": "Invalid Form Body", "code": 50035})
    return _said(200, {"id": "1", "content": content})


def mattermost(request: Request) -> Reply:
    """Mattermost's incoming webhooks."""
    if request.path != "/hooks/abc":
        return _said(404, {"id": "web.incoming_webhook.invalid.app_error", "status_code": 404})
    return _said(200, "ok") if request.json.get("text") else _said(400, {"status_code": 400})


def matrix(request: Request) -> Reply:
    """A homeserver's `PUT …/send/m.room.message/{txnId}`."""
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return _said(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Unknown token"})
    start = f"/_matrix/client/v3/rooms/{ROOM}/send/m.room.message/"
    if request.method != "PUT" or not unquote(urlsplit(request.path).path).startswith(start):
        return _said(404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})
    if request.json.get("msgtype") != "m.notice" or not request.json.get("body"):
        return _said(400, {"errcode": "M_BAD_JSON", "error": "no body"})
    return _said(200, {"event_id": "$1"})


def ntfy(request: Request) -> Reply:
    """ntfy's "publish as JSON"."""
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return _said(401, {"code": 40101, "http": 401, "error": "unauthorized"})
    if request.path != "/" or "topic" not in request.json:
        return _said(400, {"code": 40009, "http": 400, "error": "invalid topic"})
    return _said(200, {"id": "1", "event": "message", "topic": request.json["topic"]})


@dataclass
class Mailbox:
    """An SMTP server with the mails it took."""

    port: int
    mails: list[Mail]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """An SMTP sink; it refuses recipients at refused.example, and those at busy.example for the moment."""
    mails: list[Mail] = []

    class Handler(MailHandler):
        def handle_message(self, message: Mail) -> None:
            mails.append(message)

        async def handle_RCPT(  # noqa: N802 - as the library calls it
            self, _s: Any, _session: Any, envelope: Any, address: str, _options: Any
        ) -> str:
            if address.endswith("@refused.example"):
                return "550 no such user"
            if address.endswith("@busy.example"):
                return "450 try again later"
            envelope.rcpt_tos.append(address)
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        yield Mailbox(controller.port, mails)
    finally:
        controller.stop()


@contextmanager
def desktop(folder: str) -> Iterator[list[tuple[Any, ...]]]:
    """A session bus of our own with a program that shows notifications: the arguments of each `Notify`."""
    address = f"unix:path={folder}/bus"
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address"], stdout=subprocess.PIPE
    )
    shown: list[tuple[Any, ...]] = []
    before = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = address
    try:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        ready = threading.Event()
        threading.Thread(target=_show, args=(address, shown, ready), daemon=True).start()
        assert ready.wait(10)
        yield shown
    finally:
        if before is None:
            del os.environ["DBUS_SESSION_BUS_ADDRESS"]
        else:
            os.environ["DBUS_SESSION_BUS_ADDRESS"] = before
        daemon.terminate()
        daemon.communicate()


def _show(address: str, shown: list[tuple[Any, ...]], ready: threading.Event) -> None:
    bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    with open_dbus_connection(address) as connection:
        connection.send_and_get_reply(new_method_call(bus, "RequestName", "su", ("org.freedesktop.Notifications", 4)))
        ready.set()
        while True:
            try:
                message = connection.receive()
            except (ConnectionError, OSError):
                return
            is_call = message.header.message_type is MessageType.method_call
            if is_call and message.header.fields.get(HeaderFields.member) == "Notify":
                shown.append(message.body)
                connection.send(new_method_return(message, "u", (1,)))
