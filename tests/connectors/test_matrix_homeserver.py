"""The Matrix kinds against a homeserver: Synapse, in an environment of its own, as it needs other versions."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError
from gateway.adapters.connectors.kinds.matrix import Matrix
from gateway.adapters.connectors.registry import create
from gateway.adapters.destinations.base import Message
from gateway.adapters.destinations.registry import open_destination
from tests.connectors.peers import LOCAL, free_port, wait_for_port

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

SYNAPSE = "matrix-synapse==1.163.2"
SHARED = "registration-secret"
BUSY = {"per_second": 1000, "burst_count": 1000}


@dataclass
class Account:
    """Somebody on the homeserver."""

    url: str
    user_id: str
    token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A request of the client-server API; what it answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(
            method, f"{self.url}/_matrix/client/v3{path}", json=body, headers=headers, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, room: str, body: str, **more: Any) -> None:
        """A message in a room."""
        content = {"msgtype": "m.text", "body": body, **more}
        self.call("PUT", f"/rooms/{room}/send/m.room.message/{uuid.uuid4()}", content)

    def read(self, room: str) -> list[dict[str, Any]]:
        """The messages of a room, the oldest first."""
        events = self.call("GET", f"/rooms/{room}/messages?dir=b&limit=50")["chunk"][::-1]
        return [each for each in events if each["type"] == "m.room.message"]


@pytest.fixture(scope="module")
def homeserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Account, str]]:
    """Ada, the gateway's bot, and a room that both are in."""
    folder = tmp_path_factory.mktemp("synapse")
    python = folder / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", SYNAPSE], check=True)
    port = free_port()
    config = folder / "homeserver.yaml"
    config.write_text(json.dumps(_settings(folder, port)))  # JSON is YAML, too
    command = [python, "-m", "synapse.app.homeserver", "--config-path", config]
    subprocess.run([*command, "--generate-keys"], check=True, cwd=folder)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for_port(port, 60)
            url = f"http://127.0.0.1:{port}"
            ada, bot = (_account(python, url, name) for name in ("ada", "gatewaybot"))
            room = ada.call("POST", "/createRoom", {"name": "weather", "invite": [bot.user_id]})["room_id"]
            bot.call("POST", f"/join/{room}", {})
            yield ada, bot, room
        finally:
            server.terminate()
            server.wait(30)


def _settings(folder: Path, port: int) -> dict[str, Any]:
    listener = {"type": "http", "port": port, "bind_addresses": ["127.0.0.1"], "tls": False,
                "resources": [{"names": ["client"]}]}  # fmt: skip
    return {
        "server_name": "here.test", "listeners": [listener], "report_stats": False, "trusted_key_servers": [],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"), "signing_key_path": str(folder / "signing.key"),
        "pid_file": str(folder / "pid"), "registration_shared_secret": SHARED, "macaroon_secret_key": "m" * 32,
        "form_secret": "f" * 32, "rc_message": BUSY, "rc_login": {"address": BUSY, "account": BUSY},
    }  # fmt: skip


def _account(python: Path, url: str, name: str) -> Account:
    register = python.with_name("register_new_matrix_user")
    subprocess.run([register, "-u", name, "-p", "pass-word", "--no-admin", "-k", SHARED, url], check=True)
    identifier = {"type": "m.id.user", "user": name}
    wish = {"type": "m.login.password", "identifier": identifier, "password": "pass-word"}
    told = httpx.post(f"{url}/_matrix/client/v3/login", json=wish, trust_env=False).json()
    return Account(url, told["user_id"], told["access_token"])


def test_the_connector_posts_reads_and_hears(homeserver: tuple[Account, Account, str]) -> None:
    ada, bot, room = homeserver

    def made(token: str = bot.token) -> Any:
        return create("matrix", {**LOCAL, "base_url": bot.url, "channels": [room]}, json.dumps({"token": token}))

    async def run() -> None:
        matrix = made()
        ask = Matrix.operations
        assert bot.user_id in (await matrix.test()).detail
        assert {"id": room, "name": room} in (await matrix.invoke(ask["list_channels"], {}))["channels"]
        posted = await matrix.invoke(ask["post_message"], {"channel": room, "text": "It rains. Größe"})
        answer = {"channel": room, "text": "Cats.", "thread": posted["id"]}
        await matrix.invoke(ask["post_message"], answer)
        first, second = ada.read(room)
        assert (first["content"]["body"], first["sender"]) == ("It rains. Größe", bot.user_id)
        assert second["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == posted["id"]
        history = (await matrix.invoke(ask["read_history"], {"channel": room}))["messages"]
        assert [each["text"] for each in history] == ["Cats.", "It rains. Größe"]
        position = (await matrix.poll({})).position
        ada.write(room, "nothing to do with it")
        ada.write(room, "Gateway: is it you?", **{"m.mentions": {"user_ids": [bot.user_id]}})
        ada.write(room, f"{bot.user_id}: and now?")
        told = await matrix.poll(json.loads(json.dumps(position)))
        assert [each["text"] for each in told.happenings] == ["Gateway: is it you?", f"{bot.user_id}: and now?"]
        assert {each["author"] for each in told.happenings} == {ada.user_id}
        assert (await matrix.poll(told.position)).happenings == ()
        await matrix.aclose()
        wrong = made("syt_wrong")
        with pytest.raises(ConnectorError) as refused:
            await wrong.test()
        assert refused.value.code == AUTHENTICATION_FAILED
        await wrong.aclose()

    asyncio.run(run())


def test_the_destination_writes_each_message_once(homeserver: tuple[Account, Account, str]) -> None:
    ada, bot, room = homeserver
    message = Message(
        id=str(uuid.uuid4()), name="task.failed", severity="error", title="Task failed: nightly",
        text="It exited with 1.", time=datetime(2026, 11, 23, tzinfo=UTC), payload={},
    )  # fmt: skip
    before = len(ada.read(room))

    async def deliver() -> None:
        config = {**LOCAL, "homeserver": bot.url, "room_id": room}
        destination = open_destination("matrix", config, (bot.token,))
        for _ in range(2):
            await destination.deliver(message)
        await destination.aclose()

    asyncio.run(deliver())
    [written] = ada.read(room)[before:]
    assert written["content"]["body"] == "Task failed: nightly\nIt exited with 1."
