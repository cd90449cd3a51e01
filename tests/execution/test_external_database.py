"""Any PostgreSQL by its URL: the same product, and a clear word when the server is away."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest

from gateway.core.data_dir import DataDir
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import PROJECT, LiveGateway, wait_until
from tests.core.older_server import OLDEST_PROGRAMS, servers_of
from tests.execution.conftest import another_node, online

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


@pytest.fixture(params=["ours", pytest.param("oldest", marks=pytest.mark.soak)])
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where servers that are started are of the embedded version, or of the oldest that is taken."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    with servers_of(OLDEST_PROGRAMS) if request.param == "oldest" else nullcontext():
        yield folder
    shutil.rmtree(folder)


def test_a_gateway_works_on_a_server_by_its_url_and_bears_its_absence(folder: Path) -> None:
    outside = DataDir(folder / "outside")
    outside.prepare()
    with outside.lock():
        server = EmbeddedPostgres(outside)
        url = server.start()
        gateway = LiveGateway(folder / "data", options=("--database-url", url, "--no-node"))
        gateway.environment["GATEWAY_DATABASE_URL"] = url
        try:
            gateway.start().sign_up()
            assert gateway.http.get(gateway.url + "/readyz").json()["reasons"][0]["part"] == "node"
            with another_node(gateway, "--database-url", url, "--data-dir", str(gateway.data_dir), "--name", "far"):
                wait_until(lambda: online(gateway, "far"), 40)
                task = gateway.submit(commands=["echo outside > artifacts/x"])
                assert gateway.wait(task["id"])["status"] == "completed"
                assert not (gateway.data_dir / "postgres").exists()
                server.stop()
                began = time.monotonic()
                answer = gateway.call("GET", "/v1/tasks")
                assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
                assert answer.headers["retry-after"]
                assert time.monotonic() - began < 12
                ready = gateway.http.get(gateway.url + "/readyz")
                assert (ready.status_code, ready.json()["reasons"][0]["part"]) == (503, "database")
                assert gateway.http.get(gateway.url + "/healthz").status_code == 200
                assert server.start() == url
                wait_until(lambda: gateway.call("GET", "/v1/tasks").status_code == 200, 30)
                later = gateway.submit(commands=["true"])
                assert gateway.wait(later["id"])["status"] == "completed"
        except httpx.HTTPError as error:
            raise AssertionError(gateway.stderr.read_text()[-2000:]) from error
        finally:
            gateway.close()
            server.stop()


def test_a_server_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    for command in ("serve", "node"):
        done = subprocess.run(
            [sys.executable, "app.py", command, "--data-dir", str(tmp_path / "data"), "--database-url", NOWHERE],
            cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 4, done.stderr
        assert "cannot be reached" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_the_node_beside_a_gateway_uses_the_gateways_database() -> None:
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    outside = DataDir(folder / "outside")
    outside.prepare()
    with outside.lock():
        server = EmbeddedPostgres(outside)
        gateway = LiveGateway(folder / "data", options=("--database-url", server.start()))
        try:
            gateway.start().wait_ready()
        finally:
            gateway.close()
            server.stop()
    shutil.rmtree(folder)
