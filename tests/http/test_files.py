"""Artifacts: streamed both ways, whole, safe in a browser, and gone when deleted."""

import hashlib
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Database, assert_problem

MIB = 2**20


def upload(
    gateway: LiveGateway, content: Any, name: str = "file.bin", kind: str = "application/x-thing"
) -> dict[str, Any]:
    """A raw upload that must succeed."""
    path = f"/v1/artifacts?filename={quote(name)}"
    answer = gateway.call("POST", path, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def content(gateway: LiveGateway, artifact: dict[str, Any], method: str = "GET", **headers: str) -> httpx.Response:
    """The bytes again."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.call(method, f"/v1/artifacts/{artifact['id']}/content", headers=given)


def stored(gateway: LiveGateway, sha256: str) -> Path:
    """Where bytes with that hash lie."""
    return gateway.data_dir / "artifacts" / sha256[:2] / sha256[2:4] / sha256


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 3 * MIB + 1])
def test_raw_and_multipart_uploads_come_back_byte_for_byte(live_gateway: LiveGateway, size: int) -> None:
    data = os.urandom(size)
    raw = upload(live_gateway, data)
    form = live_gateway.call("POST", "/v1/artifacts", files={"file": ("file.bin", data, "application/x-thing")}).json()
    for artifact in (raw, form):
        assert (artifact["size"], artifact["sha256"]) == (size, hashlib.sha256(data).hexdigest())
        assert (artifact["filename"], artifact["media_type"], artifact["origin"]) == (
            "file.bin", "application/x-thing", "upload",
        )  # fmt: skip
        answer = content(live_gateway, artifact)
        assert answer.content == data
        assert answer.headers["Content-Length"] == str(size)
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_large_file_streams_through(live_gateway: LiveGateway) -> None:
    """200 MB up and down leave the gateway's memory as it was."""
    assert live_gateway.process is not None
    process = psutil.Process(live_gateway.process.pid)
    size, block = 200 * MIB, os.urandom(MIB)
    before = process.memory_info().rss
    peak = before

    def blocks() -> Iterator[bytes]:
        nonlocal peak
        for number in range(size // MIB):
            if number % 20 == 0:
                peak = max(peak, process.memory_info().rss)
            yield block

    artifact = upload(live_gateway, blocks())
    assert artifact["size"] == size
    digest, url = hashlib.sha256(), f"{live_gateway.url}/v1/artifacts/{artifact['id']}/content"
    with live_gateway.http.stream("GET", url, headers={"Authorization": f"Bearer {live_gateway.token}"}) as answer:
        for number, chunk in enumerate(answer.iter_bytes(MIB)):
            digest.update(chunk)
            if number % 20 == 0:
                peak = max(peak, process.memory_info().rss)
    assert digest.hexdigest() == artifact["sha256"]
    assert peak - before <= 64 * MIB
    assert live_gateway.call("DELETE", f"/v1/artifacts/{artifact['id']}").status_code == 204
    assert not stored(live_gateway, artifact["sha256"]).exists()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("bytes=90-", 90, 100),
        ("bytes=-7", 93, 100),
        ("bytes=95-500", 95, 100),
    ],
)
def test_a_range_gives_that_part(live_gateway: LiveGateway, asked: str, start: int, end: int) -> None:
    data = bytes(range(100))
    answer = content(live_gateway, upload(live_gateway, data), Range=asked)
    assert (answer.status_code, answer.content) == (206, data[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/100"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=x-y", "0-1", ""])
def test_ranges_we_do_not_serve_give_the_whole_file(live_gateway: LiveGateway, asked: str) -> None:
    answer = content(live_gateway, upload(live_gateway, b"0123456789"), Range=asked)
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_a_range_past_the_end_is_416(live_gateway: LiveGateway) -> None:
    artifact = upload(live_gateway, b"0123456789")
    for asked in ("bytes=10-", "bytes=99-100", "bytes=5-2"):
        answer = content(live_gateway, artifact, Range=asked)
        assert_problem(answer, 416, "range_not_satisfiable")
        assert answer.headers["Content-Range"] == "bytes */10"


def test_a_client_that_has_it_gets_304_and_a_changed_range_the_whole(live_gateway: LiveGateway) -> None:
    artifact = upload(live_gateway, b"0123456789")
    etag = content(live_gateway, artifact).headers["ETag"]
    assert etag == f'"{artifact["sha256"]}"'
    assert content(live_gateway, artifact, If_None_Match=etag).status_code == 304
    assert content(live_gateway, artifact, If_None_Match='"other"').status_code == 200
    assert content(live_gateway, artifact, Range="bytes=0-1", If_Range=etag).status_code == 206
    assert content(live_gateway, artifact, Range="bytes=0-1", If_Range='"other"').status_code == 200


def test_head_tells_without_sending(live_gateway: LiveGateway) -> None:
    answer = content(live_gateway, upload(live_gateway, b"0123456789"), method="HEAD")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "10")


@pytest.mark.parametrize(
    "kind",
    ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript", "application/pdf+html",
     "TEXT/HTML; charset=utf-7", "multipart/x-mixed-replace", "x", "text/ü", "a/b\tc", ""],
)  # fmt: skip
@pytest.mark.parametrize("inline", ["", "?inline=true"])
def test_hostile_content_is_only_ever_downloaded(live_gateway: LiveGateway, kind: str, inline: str) -> None:
    path = "/v1/artifacts?filename=page.html"
    page = b"<script>alert(1)</script>"
    made = live_gateway.call("POST", path, content=page, headers={"Content-Type": kind.encode("latin-1")})
    assert made.status_code == 201
    answer = live_gateway.call("GET", f"/v1/artifacts/{made.json()['id']}/content{inline}")
    assert answer.content == page
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert not answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_harmless_content_is_shown_only_when_asked_for(live_gateway: LiveGateway) -> None:
    artifact = upload(live_gateway, b"hello", "note.txt", "text/plain")
    path = f"/v1/artifacts/{artifact['id']}/content"
    assert live_gateway.call("GET", path).headers["Content-Disposition"].startswith("attachment")
    shown = live_gateway.call("GET", path + "?inline=true").headers
    assert shown["Content-Disposition"].startswith("inline")
    assert shown["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..", ".", "C:\\Windows\\x", "a\r\nSet-Cookie: x=1",
        'quo"te', "semi;colon", "nul\x01l",
     "\u202etxt.exe", "zwölf 十二 \U0001f600", "a" * 255, "-rf", "~", "$(id)", "%2e%2e%2f", " "],
)  # fmt: skip
def test_file_names_are_data_and_never_paths(live_gateway: LiveGateway, name: str) -> None:
    before = {path.name for path in live_gateway.data_dir.iterdir()}
    raw = upload(live_gateway, b"x", name)
    for artifact in (raw, live_gateway.call("POST", "/v1/artifacts", files={"file": (name, b"x")}).json()):
        shown = artifact["filename"]
        assert shown
        assert shown not in (".", "..")
        assert not set(shown) & set("/\\\r\n\x00\x01")
        answer = content(live_gateway, artifact)
        assert answer.content == b"x"
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Content-Disposition"].isascii()
    assert {path.name for path in live_gateway.data_dir.iterdir()} == before
    assert stored(live_gateway, raw["sha256"]).is_file()


def test_what_is_no_upload_is_refused(live_gateway: LiveGateway) -> None:
    call = live_gateway.call
    assert_problem(call("POST", "/v1/artifacts", content=b"x"), 422, field="filename")
    assert_problem(call("POST", "/v1/artifacts", files=[("a", b"1"), ("b", b"2")]), 422, field="file")
    twice = [("file", ("a", b"1")), ("file", ("b", b"2"))]
    assert_problem(call("POST", "/v1/artifacts", files=twice), 422, field="file")
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    assert_problem(call("POST", "/v1/artifacts", content=b"--b--\r\n", headers=form), 422, field="file")
    assert_problem(call("POST", f"/v1/artifacts?filename={'x' * 256}", content=b"x"), 422, field="filename")
    assert_problem(call("POST", "/v1/artifacts?filename=a%00b", content=b"x"), 422)


def test_the_same_bytes_are_stored_once_and_kept_until_the_last_name_is_gone(live_gateway: LiveGateway) -> None:
    data = os.urandom(1000)
    first, second = upload(live_gateway, data, "first"), upload(live_gateway, data, "second")
    path = stored(live_gateway, first["sha256"])
    assert path.stat().st_nlink == 1
    assert path.stat().st_mode & 0o077 == 0
    assert live_gateway.call("DELETE", f"/v1/artifacts/{first['id']}").status_code == 204
    assert_problem(content(live_gateway, first), 404)
    assert content(live_gateway, second).content == data
    assert live_gateway.call("DELETE", f"/v1/artifacts/{second['id']}").status_code == 204
    assert not path.exists()


@pytest.mark.parametrize("how", ["length", "chunked", "multipart"])
def test_an_upload_broken_off_leaves_nothing(live_gateway: LiveGateway, database: Database, how: str) -> None:
    name = f"broken-{uuid.uuid4().hex}"
    host, port = live_gateway.url.removeprefix("http://").split(":")
    form = "Content-Type: multipart/form-data; boundary=b"
    lines = {
        "length": [f"POST /v1/artifacts?filename={name} HTTP/1.1", f"Content-Length: {10 * MIB}"],
        "chunked": [f"POST /v1/artifacts?filename={name} HTTP/1.1", "Transfer-Encoding: chunked"],
        "multipart": ["POST /v1/artifacts HTTP/1.1", f"Content-Length: {MIB}", form],
    }[how]  # fmt: skip
    start = {"length": b"", "chunked": b"100000\r\n"}.get(
        how, f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    )
    head = "\r\n".join([*lines, f"Host: {host}:{port}", f"Authorization: Bearer {live_gateway.token}", "", ""]).encode()
    incoming = live_gateway.data_dir / "artifacts" / "incoming"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head + start + os.urandom(MIB // 2))
        wait_until(lambda: list(incoming.iterdir()), 20)
    wait_until(lambda: not list(incoming.iterdir()), 20)
    assert database.rows("SELECT 1 FROM artifacts WHERE filename = :name", name=name) == []


def test_a_file_added_to_a_task_is_listed_with_it(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["true"])
    path = f"/v1/tasks/{task['id']}/artifacts"
    added = live_gateway.call("POST", f"{path}?filename=more.txt", content=b"more")
    assert added.status_code == 201
    assert [item["id"] for item in live_gateway.call("GET", path).json()["items"]] == [added.json()["id"]]
