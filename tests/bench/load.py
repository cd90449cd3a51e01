"""A load generator in a process of its own: keep-alive HTTP/1.1 clients, each waiting for its answer.

Reads one JSON job from standard input, prints one JSON result. It parses no more of an answer than its length
and status, so that the client takes as little as possible of the machine it measures.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """`clients` send `requests` (method, path, JSON body or None) in turn, for `seconds` or `count` requests."""

    url: str
    requests: Sequence[tuple[str, str, Any]]
    token: str = ""
    clients: int = 1
    seconds: float = 3.0
    count: int | None = None


@dataclass
class Outcome:
    """Seconds each request took, the time all took together, and the first answer that was not 2xx."""

    latencies: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    refused: str = ""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.elapsed


def run(load: Load) -> Outcome:
    """Puts the load on from another process. Raises RuntimeError when any answer was not 2xx."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())], input=json.dumps(asdict(load)), capture_output=True,
        check=False, text=True, timeout=load.seconds + 300,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    outcome = Outcome(**json.loads(done.stdout))
    if outcome.refused:
        raise RuntimeError(f"{load.requests[0][:2]} was refused: {outcome.refused}")
    return outcome


async def _put_on(load: dict[str, Any]) -> Outcome:
    outcome = Outcome()
    target = urlsplit(load["url"])
    messages = [_message(target.netloc, load["token"], *request) for request in load["requests"]]
    left = iter(range(load["count"] if load["count"] is not None else sys.maxsize))
    began = time.perf_counter()
    until = began + load["seconds"]
    assert target.port is not None
    async with asyncio.TaskGroup() as group:
        for _ in range(load["clients"]):
            group.create_task(_client(target.hostname or "", target.port, messages, left, until, outcome))
    outcome.elapsed = time.perf_counter() - began
    return outcome


async def _client(host: str, port: int, messages: list[bytes], left: Any, until: float, outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for number in left:
        began = time.perf_counter()
        if began > until:
            break
        writer.write(messages[number % len(messages)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length or 0))
        outcome.latencies.append(time.perf_counter() - began)
        if head[9:10] != b"2":
            outcome.refused = outcome.refused or (head + body).decode(errors="replace")
    writer.close()


def _message(host: str, token: str, method: str, path: str, body: Any) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(content)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json"] if content else []
    return "\r\n".join([*lines, "", ""]).encode() + content


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_put_on(json.load(sys.stdin))))))
