"""A server elsewhere, by TLS: its restarts under load, and two gateways that share it."""

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import websocket
from psycopg.conninfo import conninfo_to_dict

from gateway.core.data_dir import DataDir
from gateway.core.database import BY_NETWORK, SERVER_SIDE, libpq_url, sqlalchemy_url
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import LiveGateway, wait_until
from tests.execution.drill import submit_surely
from tests.execution.tls_front import TlsFront

WITHIN_S = 1.0


@dataclass
class Pair:
    """Two gateways behind one server, which is reached by TLS."""

    server: EmbeddedPostgres
    front: TlsFront
    one: LiveGateway
    other: LiveGateway


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """The second is set up as docs/operations.md says: with the keys and the artifacts of the first."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    outside = DataDir(folder / "outside")
    outside.prepare()
    with outside.lock():
        server = EmbeddedPostgres(outside)
        front = TlsFront(folder, server.start())
        environment = {"GATEWAY_DATABASE_URL": front.url}
        one = LiveGateway(folder / "one", environment=environment)
        other = LiveGateway(folder / "other", environment=environment)
        try:
            one.start().sign_up().wait_ready()
            (folder / "other").mkdir(mode=0o700)
            shutil.copytree(folder / "one" / "keys", folder / "other" / "keys")
            (folder / "other" / "artifacts").symlink_to(folder / "one" / "artifacts")
            other.start().wait_ready()
            other.token = one.token
            yield Pair(server, front, one, other)
        finally:
            other.close()
            one.close()
            front.close()
            server.stop()
    shutil.rmtree(folder)


def test_every_connection_is_encrypted(pair: Pair) -> None:
    assert pair.front.plain == 0
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        psycopg.connect(pair.front.url.replace("127.0.0.1", "localhost"))


def test_another_machine_is_never_spoken_to_in_the_clear_by_default() -> None:
    assert "sslmode=require" in libpq_url("postgresql://gateway@db.example/gateway")
    assert "sslmode=verify-full" in sqlalchemy_url("postgresql://gateway@db.example/gateway?sslmode=verify-full")
    understood = conninfo_to_dict(libpq_url("postgresql://gateway:a+b%20c@db.example/gateway?application_name=a+b"))
    assert [understood[name] for name in ("options", "application_name", "password")] == [SERVER_SIDE, "a b", "a+b c"]
    assert "sslmode=disable" in libpq_url("postgresql://gateway@db.example/gateway?sslmode=disable")
    for at_home in ("postgresql://gateway@/gateway?host=/run", "postgresql://gateway@127.0.0.1/gateway"):
        assert not BY_NETWORK.keys() & {part.partition("=")[0] for part in libpq_url(at_home).split("?")[-1].split("&")}


def test_a_session_holds_at_both_and_its_end_too(pair: Pair) -> None:
    with httpx.Client(trust_env=False) as browser:
        body = {"handle": pair.one.owner_handle, "password": pair.one.owner_password}
        opened = browser.post(f"{pair.one.url}/v1/auth/session", json=body)
        assert opened.status_code == 200, opened.text
        me = browser.get(f"{pair.other.url}/v1/users/me")
        assert (me.status_code, me.json()["handle"]) == (200, pair.one.owner_handle)
        headers = {"X-CSRF-Token": opened.json()["csrf_token"]}
        cookies = dict(browser.cookies)
        assert browser.delete(f"{pair.other.url}/v1/auth/session", headers=headers).status_code == 204
        assert httpx.get(f"{pair.one.url}/v1/users/me", cookies=cookies, trust_env=False).status_code == 401


def test_an_event_of_one_is_seen_at_the_other(pair: Pair) -> None:
    with _socket(pair.other, pair.one.token) as socket:
        assert _told(socket, {"subscribe": ["task.created"]}) == {"subscribed": True}
        task = pair.one.submit(commands=["true"])
        began = time.monotonic()
        while json.loads(socket.recv()).get("task_id") != task["id"]:
            pass
        assert time.monotonic() - began < WITHIN_S
    assert pair.other.wait(task["id"])["status"] == "completed"


def test_a_token_revoked_at_one_closes_what_it_has_open_at_the_other(pair: Pair) -> None:
    made = pair.one.call("POST", "/v1/tokens", json={"name": "across"}).json()
    with _socket(pair.other, made["token"]) as socket:
        assert _told(socket, {"subscribe": ["**"]}) == {"subscribed": True}
        assert pair.one.call("DELETE", f"/v1/tokens/{made['id']}").status_code == 204
        began = time.monotonic()
        while socket.recv_data()[0] != websocket.ABNF.OPCODE_CLOSE:
            pass
        assert time.monotonic() - began < WITHIN_S
    refused = pair.other.call("GET", "/v1/users/me", headers={"Authorization": f"Bearer {made['token']}"})
    assert refused.status_code == 401


def test_restarts_of_the_server_under_load_lose_and_double_nothing(pair: Pair) -> None:
    """Clients that keep asking with their key get each task once; every task ends, and the log has no gap."""
    over, made = threading.Event(), list[str]()
    before = int(pair.one.call("GET", "/v1/events?sort=-created_at&limit=1").json()["items"][0]["seq"])
    gateways = (pair.one, pair.other)
    workers = [threading.Thread(target=_keep_submitting, args=(gateway, made, over)) for gateway in gateways]
    for worker in workers:
        worker.start()
    try:
        for _ in range(2):
            time.sleep(2)
            pair.server.stop()
            time.sleep(1)
            pair.server.start()
            wait_until(lambda: all(map(_answers, gateways)), 30)
        time.sleep(1)
    finally:
        over.set()
        for worker in workers:
            worker.join(60)
    assert len(made) == len(set(made)) > 4
    assert {pair.other.wait(task_id, timeout_s=90)["status"] for task_id in made} == {"completed"}
    created, numbers = [], []
    for event in _events(pair.one, before):
        numbers.append(event["seq"])
        created += [event["task_id"]] if event["name"] == "task.created" else []
    assert sorted(created) == sorted(made)
    assert numbers == sorted(set(numbers))


def _keep_submitting(gateway: LiveGateway, made: list[str], over: threading.Event) -> None:
    """One task after the other, each asked for with its key until it is answered."""
    with httpx.Client(trust_env=False, timeout=30) as http:
        while not over.is_set():
            made.append(submit_surely(gateway, http, commands=["true"]))
            time.sleep(0.2)


def _answers(gateway: LiveGateway) -> bool:
    return gateway.call("GET", "/v1/tasks?limit=1").status_code == 200


def _events(gateway: LiveGateway, since: int) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {"since": since, "limit": 200}
    while True:
        page = gateway.call("GET", "/v1/events", params=query).json()
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


@contextmanager
def _socket(gateway: LiveGateway, token: str) -> Iterator[websocket.WebSocket]:
    socket = websocket.create_connection(
        gateway.url.replace("http", "ws") + "/v1/events/ws", header=[f"Authorization: Bearer {token}"],
        suppress_origin=True, timeout=20,
    )  # fmt: skip
    try:
        yield socket
    finally:
        socket.shutdown()


def _told(socket: websocket.WebSocket, wish: dict[str, Any]) -> Any:
    socket.send(json.dumps(wish))
    return json.loads(socket.recv())
