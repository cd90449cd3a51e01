"""Live streams are complete: nothing missing, nothing twice, nothing out of order, over SSE and WebSocket."""

import json
import random
import re
import socket as sockets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import psutil
import psycopg
import pytest
import websocket

from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import database_url, rows


def connect(gateway: LiveGateway, subscription: Any) -> websocket.WebSocket:
    """A WebSocket that has subscribed."""
    address = gateway.url.replace("http", "ws") + "/v1/events/ws"
    socket = websocket.create_connection(address, header=[f"Authorization: Bearer {gateway.token}"], timeout=20)
    socket.send(subscription if isinstance(subscription, str) else json.dumps(subscription))
    return socket


def head(gateway: LiveGateway) -> int:
    return int(rows(gateway, "SELECT seq FROM event_head")[0][0])


def read_stream(
    gateway: LiveGateway, query: str = "", headers: dict[str, str] | None = None, count: int = 1
) -> list[Any]:
    """The first `count` events of a Server-Sent Events stream: (id, name, data)."""
    found: list[Any] = []
    sent = {"Authorization": f"Bearer {gateway.token}", **(headers or {})}
    with httpx.stream(
        "GET", f"{gateway.url}/v1/events/stream{query}", headers=sent, timeout=20, trust_env=False
    ) as answer:
        assert answer.status_code == 200
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                found.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
                fields = {}
                if len(found) == count:
                    return found
    return found


def test_a_stream_resumes_after_last_event_id_or_since(live_gateway: LiveGateway) -> None:
    start = head(live_gateway)
    task = live_gateway.submit(commands=["true"])
    live_gateway.wait(task["id"])
    listed = live_gateway.call("GET", f"/v1/events?since={start}&limit=200").json()["items"]
    assert [event["seq"] for event in listed] == list(range(start + 1, start + 1 + len(listed)))
    assert listed[0]["name"] == "task.created"
    for query, headers in (("", {"Last-Event-ID": str(start)}), (f"?since={start}", {})):
        found = read_stream(live_gateway, query, headers, count=len(listed))
        assert [(int(number), name) for number, name, _ in found] == [(event["seq"], event["name"]) for event in listed]
        assert [data for *_, data in found] == listed
    only = read_stream(live_gateway, f"?since={start}&name=task.*&task_id={task['id']}", count=3)
    assert [name for _, name, _ in only] == ["task.created", "task.updated", "task.completed"]
    bad = live_gateway.call("GET", "/v1/events/stream", headers={"Last-Event-ID": "abc"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


def test_a_pattern_of_many_stars_keeps_nobody_waiting(live_gateway: LiveGateway) -> None:
    start = head(live_gateway)
    none, all_tasks = "*" * 119 + "z", "task.**" + "*e" * 20 + "*" * 50
    socket = connect(live_gateway, {"subscribe": [none, "task." + "*" * 110]})
    assert json.loads(socket.recv()) == {"subscribed": True}
    live_gateway.submit(commands=["true"])
    assert json.loads(socket.recv())["name"] == "task.created"
    socket.close()
    for name in (none, all_tasks):
        assert live_gateway.call("GET", f"/v1/events?since={start}&name={name}").json()["items"] == []


def test_a_socket_gets_what_it_subscribed_to_and_may_subscribe_anew(live_gateway: LiveGateway) -> None:
    wanted, other = (live_gateway.submit(commands=["true"], depends_on=[]) for _ in range(2))
    start = 0
    socket = connect(live_gateway, {"subscribe": ["task.*"], "since": start, "filter": {"task_id": wanted["id"]}})
    assert json.loads(socket.recv()) == {"subscribed": True}
    names = []
    while "task.completed" not in names:
        event = json.loads(socket.recv())
        assert event["task_id"] == wanted["id"]
        names.append(event["name"])
    assert names == ["task.created", "task.updated", "task.completed"]
    socket.send(json.dumps({"subscribe": ["run.completed"], "since": start, "filter": {"task_id": other["id"]}}))
    assert json.loads(socket.recv()) == {"subscribed": True}
    event = json.loads(socket.recv())
    assert (event["name"], event["task_id"]) == ("run.completed", other["id"])
    socket.close()


def test_a_socket_says_that_it_is_there_when_it_is_asked(live_gateway: LiveGateway) -> None:
    socket = connect(live_gateway, {"ping": True})
    assert json.loads(socket.recv()) == {"pong": True}
    socket.send('{"subscribe": ["task.created"]}')
    assert json.loads(socket.recv()) == {"subscribed": True}
    socket.send('{"ping": true}')
    assert json.loads(socket.recv()) == {"pong": True}
    live_gateway.submit(commands=["true"])
    assert json.loads(socket.recv())["name"] == "task.created"
    socket.close()


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("hello", "JSON"),
        ("[]", "message"),
        ('{"subscribe": []}', "subscribe"),
        ('{"subscribe": ["a b"]}', "subscribe"),
        ('{"subscribe": ["task.*"], "since": -1}', "since: it must be at least 0"),
        ('{"subscribe": ["task.*"], "sience": 1}', "sience"),
        ('{"subscribe": ["task.*"], "filter": {"task_id": "x"}}', "filter.task_id"),
        ('{"ping": false}', "subscribe"),
    ],
)
def test_a_bad_message_is_answered_with_an_error_and_the_socket_lives(
    live_gateway: LiveGateway, message: str, word: str
) -> None:
    socket = connect(live_gateway, message)
    error = json.loads(socket.recv())["error"]
    assert error["code"] == "invalid_fields"
    assert word in error["message"]
    socket.send('{"subscribe": ["task.created"]}')
    assert json.loads(socket.recv()) == {"subscribed": True}
    socket.close()


def test_a_number_that_the_log_has_not_reached_is_answered_with_reset(live_gateway: LiveGateway) -> None:
    """As after a restore from a backup: the client's numbers are of another log."""
    future = head(live_gateway) + 1_000_000
    assert read_stream(live_gateway, f"?since={future}") == [(None, "reset", {"reset": True})]
    socket = connect(live_gateway, {"subscribe": ["**"], "since": future})
    assert [json.loads(socket.recv()) for _ in range(2)] == [{"subscribed": True}, {"reset": True}]
    socket.close()


def test_live_streams_are_complete_for_fifty_writers_and_cut_connections(live_gateway: LiveGateway) -> None:
    start = head(live_gateway)
    marks = 50 * 20
    done = threading.Event()
    with ThreadPoolExecutor(60) as pool:
        readers = [pool.submit(_follow, live_gateway, start, marks, kind) for kind in ("sse", "ws") * 3]
        list(pool.map(lambda n: _write(live_gateway, n, 20), range(50)))
        done.set()
        for reader in readers:
            seen = reader.result(timeout=60)
            assert len(seen) == marks
            assert seen == sorted(set(seen)), "in order, and none twice"


def _write(gateway: LiveGateway, writer: int, count: int) -> None:
    """Adds events as a unit of work does: numbered under the lock, told by NOTIFY, some rolled back."""
    chance = random.Random(writer)
    with psycopg.connect(database_url(gateway)) as connection:
        for _ in range(count):
            if chance.random() < 0.2:
                _append(connection, "test.undone")
                connection.rollback()
            _append(connection, "test.mark")
            connection.commit()


def _append(connection: Any, name: str, count: int = 1) -> None:
    last = connection.execute("UPDATE event_head SET seq = seq + %s RETURNING seq", (count,)).fetchone()[0]
    connection.execute(
        "INSERT INTO events (seq, id, name, time, actor, tags, data)"
        " SELECT n, gen_random_uuid(), %s, now(), 'test', '{}', '{}' FROM generate_series(%s::bigint, %s::bigint) n",
        (name, last - count + 1, last),
    )
    connection.execute("SELECT pg_notify('gateway_events', %s)", (str(last),))


def _follow(gateway: LiveGateway, since: int, count: int, kind: str) -> list[int]:
    """Reads by number with a connection that is cut every few events, as on a bad network."""
    seen: list[int] = []
    chance = random.Random(kind)
    deadline = time.monotonic() + 60
    while len(seen) < count and time.monotonic() < deadline:
        at_most = min(chance.randint(1, 120), count - len(seen))
        if kind == "sse":
            found = read_stream(gateway, "?name=test.mark", {"Last-Event-ID": str(since)}, at_most)
            seen += [int(number) for number, *_ in found]
        else:
            socket = connect(gateway, {"subscribe": ["test.mark"], "since": since})
            socket.recv()
            seen += [json.loads(socket.recv())["seq"] for _ in range(at_most)]
            socket.sock.close()
        since = seen[-1]
    return seen


def test_a_stalled_reader_holds_nobody_up_and_memory_stays_flat(live_gateway: LiveGateway) -> None:
    assert live_gateway.process is not None
    process = psutil.Process(live_gateway.process.pid)
    host, port = live_gateway.url.removeprefix("http://").split(":")
    stalled = []
    for _ in range(5):
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.connect((host, int(port)))
        lines = (
            "GET /v1/events/stream HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: Bearer {live_gateway.token}",
        )
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        assert raw.recv(64)
        stalled.append(raw)
    reading = connect(live_gateway, {"subscribe": ["test.flood"]})
    assert json.loads(reading.recv()) == {"subscribed": True}
    before = process.memory_info().rss
    total = 30_000
    with psycopg.connect(database_url(live_gateway)) as connection:
        for _ in range(total // 3_000):
            _append(connection, "test.flood", 3_000)
            connection.commit()
    numbers = [json.loads(reading.recv())["seq"] for _ in range(total)]
    assert numbers == list(range(numbers[0], numbers[0] + total)), "the one that reads gets everything"
    assert process.memory_info().rss - before < 48 * 2**20
    for raw in stalled:
        raw.close()
    reading.close()
    wait_until(lambda: live_gateway.call("GET", "/healthz").status_code == 200, 20)
    with suppress(psycopg.Error):
        rows(live_gateway, "SELECT 1")


def counted(gateway: LiveGateway, route: str) -> float:
    """How often a route was answered with 200, as the metrics say."""
    told = re.search(
        rf'gateway_requests_total{{method="GET",route="{route}",status="200"}} (\S+)',
        gateway.call("GET", "/metrics").text,
    )
    return float(told[1]) if told else 0.0


def test_streams_are_counted_once_they_have_begun_and_sockets_once_they_are_closed(live_gateway: LiveGateway) -> None:
    stream, socket = "/v1/events/stream", "/v1/events/ws"
    before = {route: counted(live_gateway, route) for route in (stream, socket)}
    read_stream(live_gateway, "?since=0")
    connect(live_gateway, {"since": 0}).close()
    wait_until(lambda: all(counted(live_gateway, route) > before[route] for route in before), 10)
