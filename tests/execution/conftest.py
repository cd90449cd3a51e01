"""A gateway that the tests of a module break one after the other; each leaves it whole again."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import psycopg
import pytest

from gateway.core.data_dir import DataDir
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import PROJECT, LiveGateway, wait_until


@pytest.fixture(scope="module")
def sturdy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """The gateway; whoever stops it starts it again."""
    gateway = LiveGateway(tmp_path_factory.mktemp("sturdy"))
    try:
        gateway.start().sign_up().wait_ready()
        yield gateway
    finally:
        gateway.close()


def database_url(gateway: LiveGateway) -> str:
    """Where the gateway's database listens: the one it was given, or the embedded one."""
    if given := gateway.environment.get("GATEWAY_DATABASE_URL"):
        return given
    return wait_until(lambda: EmbeddedPostgres.url_of_running(DataDir(gateway.data_dir)), 30)  # type: ignore[no-any-return]


def rows(gateway: LiveGateway, query: str) -> list[Any]:
    """What the gateway's database answers to a query."""
    with psycopg.connect(database_url(gateway), autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def postmaster(gateway: LiveGateway) -> psutil.Process:
    """The main process of the gateway's embedded server."""
    pid = (gateway.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
    return psutil.Process(int(pid))


def family(gateway: LiveGateway) -> list[psutil.Process]:
    """The gateway with everything it started."""
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    return [process, *process.children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still do something; what has ended but was not waited for does not count."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def sleeping(seconds: int) -> list[int]:
    """The processes that run `sleep SECONDS`; every test sleeps its own number."""
    wanted = ["sleep", str(seconds)]
    return [process.pid for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == wanted]


def runs_of(gateway: LiveGateway, task_id: str) -> list[tuple[str, str | None]]:
    """Status and error code of a task's runs, oldest first."""
    items = gateway.call("GET", f"/v1/runs?task_id={task_id}").json()["items"]
    return [(run["status"], run["error"]["code"] if run["error"] else None) for run in reversed(items)]


@contextmanager
def another_node(gateway: LiveGateway, *options: str, within: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """One more node process, started as a user would; on another machine where `within` says how to get there."""
    command = [*within, sys.executable, "app.py", "node", *options]
    with subprocess.Popen(command, cwd=PROJECT, env=gateway.env, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def online(gateway: LiveGateway, name: str) -> bool:
    """Whether the node of that name works."""
    items = gateway.call("GET", "/v1/nodes").json()["items"]
    return any(node["name"] == name and node["state"] == "online" for node in items)
