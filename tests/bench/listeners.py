"""WebSocket clients in a process of their own, which note when each event arrives.

Reads {"url", "token", "clients"} from standard input, prints `ready` once all are subscribed, and after the event
`bench.end` one JSON list: for each event's number the Unix times at which the clients saw it.
"""

import asyncio
import base64
import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

SUBSCRIBE = b'{"subscribe": ["bench.*"]}'


async def listen(job: dict[str, Any]) -> dict[str, list[float]]:
    """All clients, until the last of them has seen the end."""
    seen: dict[str, list[float]] = {}
    left = job["clients"]
    subscribed, over = asyncio.Semaphore(0), asyncio.Event()

    async def follow(reader: asyncio.StreamReader) -> None:
        nonlocal left
        await _frame(reader)
        subscribed.release()
        while True:
            frame = await _frame(reader)
            arrived = time.time()
            event = json.loads(frame)
            if event["name"] == "bench.end":
                break
            seen.setdefault(str(event["data"]["number"]), []).append(arrived)
        left -= 1
        if left == 0:
            over.set()

    streams = [await _connect(job["url"], job["token"]) for _ in range(job["clients"])]
    followers = [asyncio.create_task(follow(reader)) for reader, _ in streams]
    for _ in followers:
        await subscribed.acquire()
    print("ready", flush=True)
    await over.wait()
    for _, writer in streams:
        writer.close()
    return seen


async def _connect(url: str, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    target = urlsplit(url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /v1/events/ws HTTP/1.1", f"Host: {target.netloc}", f"Authorization: Bearer {token}",
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(answer.decode(errors="replace"))
    # A client's frame is masked (RFC 6455, 5.3); a mask of zeros leaves the text as it is.
    writer.write(bytes([0x81, 0x80 | len(SUBSCRIBE)]) + bytes(4) + SUBSCRIBE)
    return reader, writer


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """The content of the next text frame; a server's frames are not masked."""
    while True:
        kind, length = await reader.readexactly(2)
        if length >= 126:
            length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
        content = await reader.readexactly(length)
        if kind & 0x0F == 1:
            return content


if __name__ == "__main__":
    print(json.dumps(asyncio.run(listen(json.loads(sys.stdin.readline())))))
