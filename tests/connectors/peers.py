"""Peers of connectors: real servers where there are some, stand-ins that keep the protocol for the rest."""

import imaplib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from gateway.adapters.connectors.json_api import basic
from tests.providers.scripted_server import Exchange, ScriptedServer, scripted_server

CANARY = "canary-Xq7Lr2Vw9Bn4Tz8K"
"""The secret of every peer: whatever shows it has leaked it."""

LOCAL = {"allowed_hosts": ["127.0.0.1"]}


@dataclass
class Peer:
    """A service with which one kind works: settings, credential, one operation that goes well, and what it took."""

    kind: str
    config: dict[str, Any]
    secret: dict[str, Any] | None
    operation: str
    arguments: dict[str, Any]
    answers: dict[str, Any]
    taken: list[Any] = field(default_factory=list)


@contextmanager
def peer(kind: str, folder: Path) -> Iterator[Peer]:
    """A peer of that kind."""
    with ExitStack() as stack:
        yield PEERS[kind](stack, folder)


def _served(stack: ExitStack, service: Any) -> ScriptedServer:
    return stack.enter_context(scripted_server(service))


def _is_signed_in(exchange: Exchange, expected: str) -> bool:
    if exchange.headers.get("Authorization") == expected:
        return True
    exchange.json({"message": "Bad credentials", "errcode": "M_UNKNOWN_TOKEN"}, 401)
    return False


def _most(exchange: Exchange, parameter: str) -> int:
    """How many the request asks for."""
    return int(parse_qs(urlsplit(exchange.path).query)[parameter][0])


def slack(stack: ExitStack, folder: Path) -> Peer:
    posted: list[dict[str, Any]] = [{"ts": "1.000100", "user": "U9", "text": "earlier", "channel": "C1"}]

    def serve(exchange: Exchange) -> None:
        name = urlsplit(exchange.path).path.removeprefix("/api/")
        if exchange.headers.get("Authorization") != f"Bearer {CANARY}":
            return exchange.json({"ok": False, "error": "invalid_auth"})
        if name == "auth.test":
            return exchange.json({"ok": True, "user_id": "U1", "user": "gatewaybot"})
        if name == "conversations.list":
            return exchange.json({"ok": True, "channels": [{"id": "C1", "name": "general"}]})
        if name == "conversations.history":
            return exchange.json({"ok": True, "messages": posted[::-1][: _most(exchange, "limit")]})
        body = json.loads(exchange.body)
        if body["channel"] != "C1":
            return exchange.json({"ok": False, "error": "channel_not_found"})
        posted.append({"ts": f"{len(posted) + 1}.000100", "user": "U1", "text": body["text"], "channel": "C1"})
        return exchange.json({"ok": True, "channel": "C1", "ts": posted[-1]["ts"]})

    server = _served(stack, serve)
    return Peer("slack", {**LOCAL, "base_url": f"{server.url}/api"}, {"token": CANARY}, "post_message",
                {"channel": "C1", "text": "Hello"}, {"channel": "C1", "id": "2.000100"}, posted)  # fmt: skip


def discord(stack: ExitStack, folder: Path) -> Peer:
    posted: list[dict[str, Any]] = []

    def serve(exchange: Exchange) -> None:
        if not _is_signed_in(exchange, f"Bot {CANARY}"):
            return None
        path = urlsplit(exchange.path).path
        if path == "/users/@me":
            return exchange.json({"id": "11", "username": "gatewaybot"})
        if path == "/guilds/7/channels":
            return exchange.json([{"id": "5", "name": "general", "type": 0}, {"id": "6", "name": "voice", "type": 2}])
        if exchange.method == "GET":
            return exchange.json(posted[::-1][: _most(exchange, "limit")])
        body = json.loads(exchange.body)
        message = {"id": str(100 + len(posted)), "channel_id": "5", "content": body["content"],
                   "author": {"id": "11"}, "timestamp": "2026-05-04T10:00:00+00:00"}  # fmt: skip
        posted.append(message)
        return exchange.json(message)

    server = _served(stack, serve)
    return Peer("discord", {**LOCAL, "base_url": server.url, "guild": "7"}, {"token": CANARY}, "post_message",
                {"channel": "5", "text": "Hello"}, {"id": "100", "channel": "5"}, posted)  # fmt: skip


def mattermost(stack: ExitStack, folder: Path) -> Peer:
    posted: list[dict[str, Any]] = []

    def serve(exchange: Exchange) -> None:
        if not _is_signed_in(exchange, f"Bearer {CANARY}"):
            return None
        path = urlsplit(exchange.path).path.removeprefix("/api/v4")
        if path == "/users/me":
            return exchange.json({"id": "me1", "username": "gatewaybot"})
        if path == "/users/me/channels":
            return exchange.json([{"id": "ch1", "name": "town-square", "display_name": "Town Square"}])
        if exchange.method == "GET":
            newest = posted[::-1][: _most(exchange, "per_page")]
            return exchange.json({"order": [post["id"] for post in newest], "posts": {p["id"]: p for p in newest}})
        body = json.loads(exchange.body)
        post = {"id": f"p{len(posted)}", "user_id": "me1", "create_at": 1_780_000_000_000, **body}
        posted.append(post)
        return exchange.json(post, 201)

    server = _served(stack, serve)
    return Peer("mattermost", {**LOCAL, "base_url": server.url}, {"token": CANARY}, "post_message",
                {"channel": "ch1", "text": "Hello"}, {"id": "p0", "channel": "ch1"}, posted)  # fmt: skip


def matrix(stack: ExitStack, folder: Path) -> Peer:
    sent: list[dict[str, Any]] = []

    def serve(exchange: Exchange) -> None:
        if not _is_signed_in(exchange, f"Bearer {CANARY}"):
            return None
        path = unquote(urlsplit(exchange.path).path.removeprefix("/_matrix/client/v3"))
        if path == "/account/whoami":
            return exchange.json({"user_id": "@gatewaybot:here"})
        if path == "/joined_rooms":
            return exchange.json({"joined_rooms": ["!room:here"]})
        if exchange.method == "PUT" and re.fullmatch(r"/rooms/!room:here/send/m\.room\.message/[0-9a-f-]{36}", path):
            sent.append({"event_id": f"$e{len(sent)}", "sender": "@gatewaybot:here", "type": "m.room.message",
                         "origin_server_ts": 1_780_000_000_000, "content": json.loads(exchange.body)})  # fmt: skip
            return exchange.json({"event_id": sent[-1]["event_id"]})
        return exchange.json({"chunk": sent[::-1][: _most(exchange, "limit")], "start": "s", "end": "e"})

    server = _served(stack, serve)
    return Peer("matrix", {**LOCAL, "base_url": server.url}, {"token": CANARY}, "post_message",
                {"channel": "!room:here", "text": "Hello"}, {"id": "$e0", "channel": "!room:here"}, sent)  # fmt: skip


def github(stack: ExitStack, folder: Path) -> Peer:
    events = [{"id": "21", "type": "IssuesEvent", "actor": {"login": "ada"}, "created_at": "2026-05-04T10:00:00Z",
               "payload": {"action": "opened", "issue": {"number": 1, "title": "It rains"}}}]  # fmt: skip
    issue = {"number": 1, "title": "It rains", "state": "open", "user": {"login": "ada"}, "body": "Cats.",
             "html_url": "https://github.com/o/r/issues/1", "created_at": "2026-05-04T10:00:00Z",
             "labels": []}  # fmt: skip
    comment = {"id": 5, "user": {"login": "bot"}, "body": "Dogs.", "created_at": "2026-05-04T11:00:00Z",
               "html_url": "https://github.com/o/r/issues/1#issuecomment-5"}  # fmt: skip

    def serve(exchange: Exchange) -> None:
        if not _is_signed_in(exchange, f"Bearer {CANARY}"):
            return None
        path = urlsplit(exchange.path).path
        answers = {
            ("GET", "/user"): {"login": "bot"},
            ("GET", "/repos/o/r/issues"): [issue],
            ("GET", "/repos/o/r/issues/1"): issue,
            ("GET", "/repos/o/r/issues/1/comments"): [comment],
            ("POST", "/repos/o/r/issues/1/comments"): comment,
            ("PATCH", "/repos/o/r/issues/1"): {**issue, "state": "closed"},
            ("GET", "/repos/o/r/events"): events,
        }
        found = answers.get((exchange.method, path))
        return exchange.json({"message": "Not Found"}, 404) if found is None else exchange.json(found)

    server = _served(stack, serve)
    return Peer("github", {**LOCAL, "base_url": server.url, "repositories": ["o/r"]}, {"token": CANARY}, "list_issues",
                {"repository": "o/r"}, {"issues": [{"number": 1, "author": "ada"}]}, events)  # fmt: skip


def feed(stack: ExitStack, folder: Path) -> Peer:
    entries = ["First"]

    def serve(exchange: Exchange) -> None:
        items = "".join(
            f"<item><title>{title}</title><link>https://e.org/{title}</link><guid>{title}</guid></item>"
            for title in entries[::-1]
        )
        exchange.begin(200, "application/rss+xml")
        exchange.write(f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode())

    server = _served(stack, serve)
    return Peer("feed", {**LOCAL, "url": f"{server.url}/feed"}, None, "read_entries", {},
                {"title": "News", "entries": [{"id": "First"}]}, entries)  # fmt: skip


ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//
BEGIN:VEVENT
UID:stand-up
DTSTAMP:20260101T000000Z
DTSTART:20260504T090000Z
DTEND:20260504T091500Z
RRULE:FREQ=DAILY;COUNT=5
SUMMARY:Stand-up
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


ICS_OTHER = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//
BEGIN:VEVENT
UID:fair
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20260506
DTEND;VALUE=DATE:20260507
SUMMARY:Fair & market <in town>
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
CALDAV = "{urn:ietf:params:xml:ns:caldav}"


def multistatus(calendars: list[str]) -> bytes:
    """The answer to a REPORT (RFC 4791, 7.8), as servers write it."""
    responses = "".join(
        f"""<d:response><d:href>/cal/{number}.ics</d:href><d:propstat><d:prop><d:getetag>"{number}"</d:getetag>
        <c:calendar-data>{escape(text)}</c:calendar-data></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
        </d:response>"""
        for number, text in enumerate(calendars)
    )
    names = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
    return f'<?xml version="1.0" encoding="utf-8"?><d:multistatus {names}>{responses}</d:multistatus>'.encode()


def calendar(stack: ExitStack, folder: Path) -> Peer:
    """A calendar by its address, and the same as a CalDAV collection, in which each event is a resource of its own."""
    asked: list[str] = []

    def serve(exchange: Exchange) -> None:
        if not _is_signed_in(exchange, basic("u", CANARY)):
            return
        asked.append(exchange.method)
        if exchange.method == "GET":
            exchange.begin(200, "text/calendar")
            exchange.write(ICS.encode())
            return
        assert (exchange.method, exchange.headers["Depth"]) == ("REPORT", "1")
        [wanted] = ET.fromstring(exchange.body).iter(f"{CALDAV}time-range")
        is_asked_for = (wanted.get("start"), wanted.get("end")) == ("20260505T000000Z", "20260507T000000Z")
        exchange.begin(207, 'application/xml; charset="utf-8"')
        exchange.write(multistatus([ICS, ICS_OTHER] if is_asked_for else []))

    secret = {"username": "u", "password": CANARY}
    server = _served(stack, serve)
    between = {"start": "2026-05-05T00:00:00Z", "end": "2026-05-07T00:00:00Z"}
    return Peer("calendar", {**LOCAL, "url": server.url}, secret, "list_events", between,
                {"events": [{"summary": "Stand-up", "start": "2026-05-05T09:00:00+00:00"},
                            {"start": "2026-05-06T09:00:00+00:00"}]}, asked)  # fmt: skip


DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets/{petId}": {
            "parameters": [{"name": "petId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "operationId": "getPet",
                "summary": "One pet",
                "parameters": [{"name": "fields", "in": "query", "schema": {"type": "string", "pattern": "(a+)+$"}}],
                "responses": {"200": {"description": "", "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Pet"}}}}},
            },
            "delete": {"operationId": "deletePet", "responses": {"204": {"description": ""}}},
        },
        "/pets": {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Pet"}}}},
                "responses": {"201": {"description": ""}},
            },
        },
    },
    "components": {"schemas": {"Pet": {
        "type": "object", "required": ["name"],
        "properties": {"name": {"type": "string"}, "mother": {"$ref": "#/components/schemas/Pet"},
                       "note": {"type": "string", "nullable": True}},
    }}},
}  # fmt: skip


def http(stack: ExitStack, folder: Path) -> Peer:
    taken: list[tuple[str, str]] = []

    def serve(exchange: Exchange) -> None:
        if exchange.path == "/openapi.json":
            return exchange.json(DOCUMENT)
        if not _is_signed_in(exchange, f"Bearer {CANARY}"):
            return None
        taken.append((exchange.method, exchange.path))
        if exchange.path.startswith("/v2/pets/odd"):
            return exchange.json({"nickname": 5})
        return exchange.json({"name": "Rex", "note": None, "echo": exchange.headers.get("Authorization")})

    server = _served(stack, serve)
    config = {**LOCAL, "document_url": f"{server.url}/openapi.json", "base_url": f"{server.url}/v2"}
    return Peer("http", config, {"secret": CANARY}, "get_pet", {"petId": "a/b", "fields": "name"},
                {"status": 200, "body": {"name": "Rex"}}, taken)  # fmt: skip


def imap(stack: ExitStack, folder: Path) -> Peer:
    """pymap with its demonstration mail."""
    port = free_port()
    command = [Path(sys.executable).with_name("pymap"), "--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    server = subprocess.Popen(
        [*command, "dict", "--demo-data", "--demo-user", "ada", "--demo-password", CANARY],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    stack.callback(server.wait)
    stack.callback(server.terminate)
    wait_for_port(port)
    config = {**LOCAL, "host": "127.0.0.1", "port": port, "security": "none"}
    return Peer("imap", config, {"username": "ada", "password": CANARY}, "search_mail", {"limit": 2},
                {"mails": [{}, {}]}, [port, server])  # fmt: skip


def deliver(there: Peer, subject: str, attachment: bytes = b"") -> None:
    """Puts a mail into the mailbox of an IMAP peer, as a server that takes mail would."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "bob@example.org", "ada@example.org", subject
    message.set_content(f"It is about {subject}.")
    if attachment:
        message.add_attachment(attachment, maintype="application", subtype="pdf", filename="cats.pdf")
    with imaplib.IMAP4("127.0.0.1", there.config["port"]) as mailbox:
        mailbox.login("ada", CANARY)
        status, told = mailbox.append("INBOX", "", imaplib.Time2Internaldate(time.time()), bytes(message))
        assert status == "OK", told


@dataclass
class Sink:
    """What an SMTP server of aiosmtpd took."""

    taken: list[Any]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope)
        return "250 OK"


def smtp(stack: ExitStack, folder: Path) -> Peer:
    """aiosmtpd, which asks for name and password."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, auth: Any) -> AuthResult:
        return AuthResult(success=isinstance(auth, LoginPassword) and auth.password == CANARY.encode(), handled=False)

    taken: list[Any] = []
    controller = Controller(
        Sink(taken), hostname="127.0.0.1", port=free_port(), authenticator=sign_in, auth_require_tls=False
    )
    controller.start()
    stack.callback(controller.stop)
    config = {**LOCAL, "host": "127.0.0.1", "port": controller.port, "security": "none", "sender": "ada@example.org"}
    mail = {"to": ["bob@example.org"], "subject": "Grüße", "text": "Hello, Bob."}
    return Peer("smtp", config, {"username": "ada", "password": CANARY}, "send_mail", mail,
                {"accepted": ["bob@example.org"], "refused": []}, taken)  # fmt: skip


MCP_SERVER = """
import sys
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("calculator", log_level="ERROR")

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

@server.tool()
def remember(note: str) -> str:
    "Keep a note."
    return f"kept {note}"

@server.tool("books/find all", annotations=ToolAnnotations(read_only_hint=True))
def find(title: str) -> str:
    "Find a book."
    return f"found {title}"

server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
"""


def mcp(stack: ExitStack, folder: Path) -> Peer:
    """A server of the official SDK."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", MCP_SERVER, str(port)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    stack.callback(server.wait)
    stack.callback(server.terminate)
    wait_for_port(port)
    return Peer("mcp", {**LOCAL, "url": f"http://127.0.0.1:{port}/mcp"}, {"token": CANARY}, "add", {"a": 2, "b": 40},
                {"text": "42"})  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 20) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on port {port}"
            time.sleep(0.05)
        else:
            return


PEERS = {
    "slack": slack, "discord": discord, "mattermost": mattermost, "matrix": matrix, "github": github, "feed": feed,
    "calendar": calendar, "http": http, "imap": imap, "smtp": smtp, "mcp": mcp,
}  # fmt: skip
