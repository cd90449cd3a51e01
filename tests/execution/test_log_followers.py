"""A program that writes fast is read along by many who lose their connections: nothing missing, in order, not twice."""

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
import websocket

from tests.conftest import LiveGateway

WRITER = """
import sys, time
rate, seconds = int(sys.argv[1]), int(sys.argv[2])
begin, line = time.monotonic(), 0
while line < rate * seconds:
    due = min(rate * seconds, int((time.monotonic() - begin) * rate))
    if due > line:
        sys.stdout.write("".join(f"{number} of many\\n" for number in range(line, due)))
        sys.stdout.flush()
        line = due
    time.sleep(0.01)
"""


@dataclass
class Follower:
    """Reads a run's stream, hangs up after a while, and resumes, until the run has ended."""

    gateway: LiveGateway
    run_id: str
    patience: random.Random
    seqs: list[int] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    connections: int = 0
    status: str = ""

    def follow(self) -> None:
        """All of it."""
        with httpx.Client(trust_env=False, timeout=60) as http:
            while self.status in ("", "pending", "running"):
                self.connections += 1
                self.connect(http)

    def connect(self, http: httpx.Client) -> None:
        """Reads for a while."""
        last = {"Last-Event-ID": str(self.seqs[-1])} if self.seqs else {}
        headers = {"Authorization": f"Bearer {self.gateway.token}", **last}
        with http.stream("GET", f"{self.gateway.url}/v1/runs/{self.run_id}/stream", headers=headers) as answer:
            self.read(events_of(answer))

    def read(self, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
        """Keeps some of the events."""
        most = self.patience.randint(1, 6)
        for count, (name, data) in enumerate(events):
            if name == "status":
                self.status = data["status"]
            elif data["stream"] == "stdout":
                self.seqs.append(data["seq"])
                self.text.append(data["message"])
            if count >= most:
                return


class SocketFollower(Follower):
    """Does it over a WebSocket."""

    def connect(self, http: httpx.Client) -> None:
        address = f"{self.gateway.url.replace('http', 'ws')}/v1/runs/{self.run_id}/ws"
        since = f"?since={self.seqs[-1]}" if self.seqs else ""
        headers = [f"Authorization: Bearer {self.gateway.token}"]
        socket = websocket.create_connection(address + since, header=headers, timeout=60)
        try:
            self.read(messages_of(socket))
        finally:
            if self.patience.random() < 0.5:
                socket.close()
            socket.shutdown()


def messages_of(socket: websocket.WebSocket) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and content of each message until the gateway closes the connection."""
    while True:
        opcode, data = socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            assert int.from_bytes(data[:2], "big") == 1000
            return
        yield from json.loads(data).items()


def events_of(answer: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each server-sent event."""
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def follow(gateway: LiveGateway, rate: int, seconds: int, readers: int) -> tuple[str, list[Follower]]:
    """What was written, and those who read it."""
    began = time.monotonic()
    task = gateway.submit(script={"content": WRITER, "interpreter": "python3", "args": [str(rate), str(seconds)]})
    run_id = gateway.wait(task["id"], "running", "completed", "failed")["run_id"]
    ways = (Follower, SocketFollower)
    followers = [ways[number % 2](gateway, run_id, random.Random(number)) for number in range(readers)]
    threads = [threading.Thread(target=follower.follow) for follower in followers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60 + 10 * seconds)
    assert gateway.wait(task["id"])["status"] == "completed"
    [job] = gateway.result(task["id"])["jobs"]
    written = datetime.fromisoformat(job["ended_at"]) - datetime.fromisoformat(job["started_at"])
    print(f"written in {written.total_seconds():.1f} s, read by all after {time.monotonic() - began:.1f} s")
    return "".join(f"{number} of many\n" for number in range(rate * seconds)), followers


def check(written: str, followers: list[Follower]) -> None:
    for follower in followers:
        assert follower.status == "completed"
        assert follower.seqs == sorted(set(follower.seqs)), "in order, and none twice"
        assert "".join(follower.text) == written, "none missing"
        assert follower.connections > 1, "it was cut at least once"


def test_readers_that_are_cut_miss_nothing(live_gateway: LiveGateway) -> None:
    check(*follow(live_gateway, rate=20_000, seconds=2, readers=4))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_twenty_readers_of_fifty_thousand_lines_a_second_miss_nothing(live_gateway: LiveGateway) -> None:
    check(*follow(live_gateway, rate=50_000, seconds=20, readers=20))


def test_a_log_goes_on_beyond_what_the_result_keeps(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["head -c 3000000 /dev/zero | tr '\\0' 'x'"])
    live_gateway.wait(task["id"])
    result = live_gateway.result(task["id"])
    [job] = result["jobs"]
    assert (len(job["stdout"]), job["truncated"]) == (2**20, True)
    length, cursor = 0, ""
    while cursor is not None:
        path = f"/v1/runs/{result['run_id']}/logs?stream=stdout&limit=50&cursor={cursor}"
        page = live_gateway.call("GET", path.removesuffix("&cursor=")).json()
        length, cursor = length + sum(len(item["message"]) for item in page["items"]), page["next_cursor"]
    assert length == 3_000_000


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_gigabyte_of_output_is_cut_with_a_mark_and_costs_little_memory(live_gateway: LiveGateway) -> None:
    node = live_gateway.node_process()
    before, began = node.memory_info().rss, time.monotonic()
    most = 0
    task = live_gateway.submit(commands=["yes 'a line of some forty letters, as usual ones' | head -c 1073741824"])
    while live_gateway.task(task["id"])["status"] in ("queued", "running"):
        most = max(most, node.memory_info().rss)
    print(f"done in {time.monotonic() - began:.0f} s; the node held {(most - before) / 2**20:.0f} MiB more at most")
    result = live_gateway.result(task["id"])
    run = live_gateway.call("GET", f"/v1/runs/{result['run_id']}").json()
    end = live_gateway.call("GET", f"/v1/runs/{result['run_id']}/logs?tail=true&limit=3").json()["items"]
    assert (result["status"], run["log_cut"]) == ("completed", True)
    assert any("The log was cut here" in entry["message"] for entry in end)
    assert most - before < 200 * 2**20, f"{(most - before) / 2**20:.0f} MiB more"
    path = f"/v1/runs/{result['run_id']}/logs?q=as+usual&limit=5"
    assert len(live_gateway.call("GET", path).json()["items"]) == 5
