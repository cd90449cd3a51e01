"""A connection that is kept open to a real mail server ends with what it was opened with."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tests.conftest import LiveGateway, wait_until
from tests.connectors.conftest import install
from tests.connectors.peers import CANARY, Peer

SOON_S = 20
"""Far less than IDLE lasts by itself; on an idle machine it is a second."""


@dataclass
class Way:
    """A relay to a mail server: the passwords that were sent over it, and which of its connections listen."""

    server: socket.socket
    there: int
    passwords: list[str] = field(default_factory=list)
    listening: list[socket.socket] = field(default_factory=list)
    carrying: list[threading.Thread] = field(default_factory=list)

    def accept(self) -> None:
        """Carries what comes, until the server is shut down."""
        with suppress(OSError):
            while True:
                self.carrying.append(threading.Thread(target=self._both, args=(self.server.accept()[0],)))
                self.carrying[-1].start()

    def _both(self, ours: socket.socket) -> None:
        with ours, socket.create_connection(("127.0.0.1", self.there)) as theirs:
            back = threading.Thread(target=self._carry, args=(theirs, ours))
            back.start()
            self._carry(ours, theirs)
            if ours in self.listening:
                self.listening.remove(ours)
            back.join()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while said := source.recv(65536):
                if login := re.search(rb' LOGIN "?ada"? "?([^"\s]*)', said):
                    self.passwords.append(login[1].decode())
                if said.endswith(b" IDLE\r\n"):
                    self.listening.append(source)
                sink.sendall(said)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def way(imap: Peer) -> Iterator[Way]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        way = Way(server, imap.config["port"])
        accepting = threading.Thread(target=way.accept)
        accepting.start()
        yield way
        server.shutdown(socket.SHUT_RDWR)
        for each in (accepting, *way.carrying):
            each.join()


def test_what_listens_ends_with_its_credential_and_its_settings(
    live_gateway: LiveGateway, imap: Peer, way: Way
) -> None:
    config = {**imap.config, "port": way.server.getsockname()[1], "idle": True}
    mailbox = install(live_gateway.call, imap, config=config)
    credential = f"{mailbox.path}/credentials/{mailbox.credential_id}"

    def listens() -> socket.socket:
        return wait_until(lambda: way.listening[0] if len(way.listening) == 1 else None, 60)  # type: ignore[no-any-return]

    def post(path: str, **body: object) -> None:
        live_gateway.call("POST", path, json=body or None).raise_for_status()

    def ended(one: socket.socket) -> bool:
        return bool(wait_until(lambda: one not in way.listening, SOON_S))

    try:
        first = listens()
        assert set(way.passwords) == {CANARY}
        post(f"{credential}/rotate", secret={"username": "ada", "password": "another"})
        assert ended(first)
        wait_until(lambda: "another" in way.passwords, SOON_S)
        assert way.listening == [], "the server does not take it"

        post(f"{credential}/rotate", secret=imap.secret)
        second = listens()  # though what was refused is left alone for half a minute
        mailbox.change(config={**config, "poll_s": 3600})
        assert ended(second)

        third = listens()
        post(f"{credential}/disable")
        assert ended(third)

        post(f"{credential}/rotate", secret=imap.secret)
        fourth = listens()
        post(f"{mailbox.path}/disable")
        assert ended(fourth)

        post(f"{mailbox.path}/enable")
        fifth = listens()
        post(f"{credential}/revoke")
        assert ended(fifth)
        wait_until(lambda: (mailbox.now()["last_error"] or {}).get("code") == "no_credential", SOON_S)
        assert way.listening == []
    finally:
        post(f"{mailbox.path}/disable")
