"""Mail with real servers: files go out with it, and new mail is heard of at once."""

import asyncio
import email
import email.policy
import hashlib
import json
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError
from gateway.adapters.connectors.kinds import imap as mailbox
from gateway.adapters.connectors.mailbox import TIMEOUT_S
from gateway.adapters.connectors.registry import create
from gateway.features.artifacts.store import Store
from gateway.features.connectors.carrying import carry_out
from gateway.features.connectors.service_execution import Order
from gateway.features.connectors.service_files import Attached
from tests.conftest import LiveGateway, wait_until
from tests.connectors.conftest import Call, install
from tests.connectors.peers import Peer, deliver, peer
from tests.http.callers import Person

PDF = b"%PDF-1.4 the report \x00\xff"
LETTER = b"Subject: within\r\n\r\nHi"


def uploaded(call: Call, name: str, content: bytes, media_type: str = "application/pdf") -> str:
    made = call("POST", "/v1/artifacts", files={"file": (name, content, media_type)})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_mail_takes_files_along_that_its_sender_may_read_and_no_others(
    live_gateway: LiveGateway, bob: Person, tmp_path: Path
) -> None:
    """The owner's file is none that Bob may read."""
    call = bob.call
    report, letter = (
        uploaded(call, "report ü.pdf", PDF),
        uploaded(call, "letter.eml", LETTER, "message/rfc822"),
    )
    large, others = uploaded(call, "large.bin", bytes(20 * 2**20 + 1)), uploaded(live_gateway.call, "other.pdf", PDF)
    with peer("smtp", tmp_path) as there:
        mail = install(call, there, rules={"send": "allow"})
        for wrong, at in (([str(uuid.uuid4())], ".0"), (["x"], ".0"), ([report, others], ".1"), ([report, large], "")):
            refused = mail.ask(arguments={**there.arguments, "attachments": wrong})
            assert refused.status_code == 422, refused.text
            assert refused.json()["errors"][0]["field"] == f"arguments.attachments{at}"
        assert there.taken == []
        sent = mail.ask(arguments={**there.arguments, "attachments": [report, letter]}).json()
        assert sent["status"] == "completed", sent
        message = email.message_from_bytes(there.taken[0].content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body()
        assert body is not None
        assert body.get_content().strip() == there.arguments["text"]
        found = [(each.get_filename(), each.get_content_type(), each.get_content()) for each in _files(message)]
        assert found == [
            ("report ü.pdf", "application/pdf", PDF),
            ("letter.eml", "application/octet-stream", LETTER),
        ]


def test_a_file_that_goes_while_the_mail_is_held_is_not_sent(live_gateway: LiveGateway, tmp_path: Path) -> None:
    report = uploaded(live_gateway.call, "report.pdf", PDF)
    with peer("smtp", tmp_path) as there:
        mail = install(live_gateway.call, there, rules={"send": "ask"})
        held = mail.ask(arguments={**there.arguments, "attachments": [report]}).json()
        live_gateway.call("DELETE", f"/v1/artifacts/{report}").raise_for_status()
        live_gateway.call("POST", f"{mail.path}/operations/{held['id']}/release").raise_for_status()

        def ended() -> Any:
            row = live_gateway.call("GET", f"{mail.path}/operations/{held['id']}").json()
            return row["status"] == "failed" and row["error"]["code"]

        assert wait_until(ended, 60) == "file_gone"
        assert there.taken == []


def test_a_mail_for_which_there_is_no_room_is_not_fetched(imap: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MAIL_BYTES", 10)

    async def read() -> None:
        box = create("imap", imap.config, json.dumps(imap.secret))
        assert isinstance(box, mailbox.Imap)
        [newest, *_] = (await box.search_mail(mailbox.Search(limit=1))).mails
        await box.read_mail(mailbox.OneMail(uid=newest.uid))

    deliver(imap, "large")
    with pytest.raises(ConnectorError) as refused:
        asyncio.run(read())
    assert refused.value.code == "answer_too_large"


def _files(message: EmailMessage) -> list[EmailMessage]:
    return [each for each in message.iter_attachments() if isinstance(each, EmailMessage)]


class Elsewhere(Store):
    """The store of a node on another machine, before it was asked for a file."""

    def local(self, sha256: str) -> Path:
        copy = self.path(sha256)
        copy.parent.mkdir(parents=True)
        copy.write_bytes(PDF)
        return copy


def test_files_that_go_out_are_brought_to_the_node_that_sends_them(tmp_path: Path) -> None:
    config = {"host": "localhost", "port": 1, "sender": "a@example.org", "allowed_hosts": ["localhost"]}
    arguments = {"to": ["b@example.org"], "subject": "Hi", "text": "Hi"}
    order = Order(
        uuid.uuid4(), uuid.uuid4(), "smtp", config, "send_mail", None, arguments, None,
        (Attached("report.pdf", "application/pdf", hashlib.sha256(PDF).hexdigest()),),
    )  # fmt: skip
    carried = asyncio.run(carry_out(order, Elsewhere(tmp_path)))
    assert carried.report.error is not None
    assert carried.report.error["code"] == "unreachable", "it came as far as the server, which is not there"


def test_the_server_tells_of_each_new_mail_without_being_asked(imap: Peer) -> None:
    async def listen() -> list[str]:
        told = []
        with _in_crumbs(imap.config["port"]) as port:
            box = create("imap", {**imap.config, "port": port, "idle": True}, json.dumps(imap.secret))
            heard = box.listen()
            try:
                await _next(heard)
                for subject in ("one", "two"):
                    await asyncio.to_thread(deliver, imap, subject)
                    await _next(heard)
                    told.append(subject)
            finally:
                await heard.aclose()
                await box.aclose()
        return told

    assert asyncio.run(listen()) == ["one", "two"]


@contextmanager
def _in_crumbs(port: int) -> Iterator[int]:
    """The port of a relay of one connection to that port of this machine, three bytes at a time."""

    def relay(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while said := source.recv(3):
                sink.sendall(said)
                time.sleep(0.0005)
            sink.shutdown(socket.SHUT_RDWR)

    def both() -> None:
        ours, _ = server.accept()
        with ours, socket.create_connection(("127.0.0.1", port)) as theirs:
            asking = threading.Thread(target=relay, args=(ours, theirs))
            asking.start()
            relay(theirs, ours)
            asking.join()

    with socket.create_server(("127.0.0.1", 0)) as server:
        relaying = threading.Thread(target=both)
        relaying.start()
        yield server.getsockname()[1]
        relaying.join()


def test_who_listens_learns_of_a_wrong_password_and_of_a_connection_that_breaks(tmp_path: Path) -> None:
    async def listen(secret: dict[str, Any] | None, there: Peer) -> ConnectorError:
        box = create("imap", {**there.config, "idle": True}, json.dumps(secret))
        heard = box.listen()
        with pytest.raises(ConnectorError) as failed:  # noqa: PT012 - the connection breaks between the two
            await _next(heard)
            there.taken[1].terminate()
            await _next(heard)
        await box.aclose()
        return failed.value

    with peer("imap", tmp_path) as there:
        assert asyncio.run(listen({"username": "ada", "password": "no"}, there)).code == AUTHENTICATION_FAILED
        broken = asyncio.run(listen(there.secret, there))
        assert (broken.code, broken.permanent) == ("unreachable", False)


@pytest.mark.parametrize("security", ["tls", "none"])
@pytest.mark.parametrize("does", ["listens", "signs in"])
def test_a_sign_in_that_nobody_waits_for_any_more_is_broken_off(does: str, security: str) -> None:
    """As when the connector is changed or removed. The server takes the connection and never says a word."""

    async def break_off(server: socket.socket) -> None:
        config = {"host": "127.0.0.1", "port": server.getsockname()[1], "security": security, "idle": True}
        box = create("imap", {**config, "allowed_hosts": ["127.0.0.1"]}, '{"username": "ada", "password": "x"}')
        waiting = asyncio.ensure_future(_next(box.listen()) if does == "listens" else box.test())
        there, _ = await asyncio.to_thread(server.accept)
        await asyncio.sleep(0.5)  # until a thread waits for the server's first word
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.get_running_loop().shutdown_default_executor()  # which waits for that thread
        there.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        asyncio.run(break_off(server))
        assert time.monotonic() - began < TIMEOUT_S / 2


async def _next(heard: AsyncIterator[None]) -> None:
    async with asyncio.timeout(60):
        await anext(heard)


def test_a_gateway_hears_of_mail_though_it_never_looks_by_itself(live_gateway: LiveGateway, imap: Peer) -> None:
    mailbox = install(live_gateway.call, imap, config={"idle": True})

    def told(subject: str) -> Any:
        query = {"name": "connector.mail_received", "limit": 200}
        events = live_gateway.call("GET", "/v1/events", params=query).json()["items"]
        return [each for each in events if each["data"]["subject"] == subject]

    def is_heard() -> Any:  # it listens only some seconds after it was installed
        deliver(imap, first)
        time.sleep(2)
        return told(first)

    first, second = (f"Heard {uuid.uuid4()}" for _ in range(2))
    wait_until(is_heard, 90)
    deliver(imap, second)
    [event] = wait_until(lambda: told(second), 60)
    assert event["data"]["connector_id"] == mailbox.id
    live_gateway.call("POST", f"{mailbox.path}/disable").raise_for_status()
