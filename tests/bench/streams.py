"""Clients that read streamed completions, in a process of their own: when the first piece came, and when the last.

Reads one JSON job from standard input, prints one JSON result.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Streams:
    """`clients` at once each read `each` streams of `model`, one after the other."""

    url: str
    model: str
    token: str
    clients: int
    each: int


@dataclass
class Times:
    """Seconds from the request to the first text and to `[DONE]`, for each stream; and the time all took."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    elapsed: float = 0.0


def read(streams: Streams) -> Times:
    """Reads them from another process. Raises RuntimeError when one was refused or cut."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())], input=json.dumps(asdict(streams)), capture_output=True,
        check=False, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return Times(**json.loads(done.stdout))


async def _read_all(job: dict[str, Any]) -> Times:
    times = Times()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(job["clients"]):
            group.create_task(_client(job, times))
    times.elapsed = time.perf_counter() - began
    return times


async def _client(job: dict[str, Any], times: Times) -> None:
    target = urlsplit(job["url"])
    body = {"model": job["model"], "stream": True, "messages": [{"role": "user", "content": "Say some words."}]}
    content = json.dumps(body).encode()
    head = (
        f"POST {target.path}/chat/completions HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {job['token']}\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    for _ in range(job["each"]):
        began = time.perf_counter()
        writer.write(head + content)
        status = await reader.readuntil(b"\r\n\r\n")
        if not status.startswith(b"HTTP/1.1 200"):
            raise RuntimeError((status + await reader.read(2000)).decode(errors="replace"))
        is_first = True
        while b"[DONE]" not in (line := await reader.readline()):
            if not line:
                raise RuntimeError("a stream was cut")
            if is_first and b"word" in line:
                times.first.append(time.perf_counter() - began)
                is_first = False
        times.whole.append(time.perf_counter() - began)
        await reader.readuntil(b"0\r\n\r\n")
    writer.close()


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_read_all(json.load(sys.stdin))))))
