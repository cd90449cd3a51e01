"""1 GB up and down, beside a plain file through a bare Flask server, and what it costs in memory."""

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.figures import Figure, median
from tests.bench.rows.at_rest import memory_mb
from tests.bench.stage import Stage

SIZE = 10**9
CHUNK = 10**6
GOAL_RATIO = 0.6
GOAL_GROWTH_MB = 64.0


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Alternates between gateway and peer; memory is watched while the gateway works."""
    source = stage.folder / "source.bin"
    _fill(source)
    gateway = stage.gateway
    assert gateway.process is not None
    speeds: dict[str, list[float]] = {"up": [], "bare up": [], "down": [], "bare down": []}
    with _watched(gateway.process.pid) as growth:
        for number in range(rounds):
            _differ(source, number)
            seconds, body = _upload(gateway.url, f"/v1/artifacts?filename=round-{number}.bin", source, gateway.token)
            speeds["up"].append(SIZE / 1e6 / seconds)
            path = f"/v1/artifacts/{json.loads(body)['id']}"
            speeds["down"].append(SIZE / 1e6 / _download(gateway.url, f"{path}/content", gateway.token))
            assert gateway.call("DELETE", path).status_code == 204
            speeds["bare up"].append(SIZE / 1e6 / _upload(stage.peer_url, "/file", source, "")[0])
            speeds["bare down"].append(SIZE / 1e6 / _download(stage.peer_url, "/file", ""))
    source.unlink()
    return [
        *(
            Figure(
                f"1 GB artifact {way}", median(speeds[way]), "MB/s", GOAL_RATIO, higher_is_better=True,
                peer=median(speeds[f"bare {way}"]), peer_name="plain copy", relation="ratio",
            )
            for way in ("up", "down")
        ),
        Figure("1 GB artifact, memory growth", max(growth), "MB", GOAL_GROWTH_MB),
    ]  # fmt: skip


def _fill(path: Path) -> None:
    block = os.urandom(CHUNK)
    with path.open("wb") as file:
        for _ in range(SIZE // CHUNK):
            file.write(block)


def _differ(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.write(number.to_bytes(8, "big"))


def _upload(url: str, path: str, source: Path, token: str) -> tuple[float, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, blocksize=CHUNK)
    with source.open("rb") as file:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(SIZE), **_identity(token)}
        began = time.monotonic()
        connection.request("POST", path, file, headers)
        answer = connection.getresponse()
        body = answer.read()
        seconds = time.monotonic() - began
    connection.close()
    assert answer.status in (200, 201), body
    return seconds, body


def _download(url: str, path: str, token: str) -> float:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    buffer, size = bytearray(CHUNK), 0
    began = time.monotonic()
    connection.request("GET", path, headers=_identity(token))
    answer = connection.getresponse()
    while count := answer.readinto(buffer):
        size += count
    connection.close()
    assert size == SIZE
    return time.monotonic() - began


def _identity(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """How far the process's memory rose above where it began, looked at all the while."""
    before, growth, over = memory_mb(pid), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            growth.append(memory_mb(pid) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        over.set()
        watcher.join()
