"""The peer of tasks: Prefect's server with its own database, and a worker that starts a process for each flow run."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.bench.figures import median
from tests.bench.peer_home import installed
from tests.connectors.peers import free_port

READY_S = 120.0
FLOW = """
from prefect import flow

@flow
def noop():
    return None
"""


class Prefect:
    """A server with its files in `folder`, on `port`; `start_s` is how long it took to be ready."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._programs = installed("prefect")
        self._folder = folder
        self._api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", trust_env=False, timeout=30)
        self._environment = os.environ | {
            "PATH": f"{self._programs}:{os.environ['PATH']}", "PREFECT_HOME": str(folder), "DO_NOT_TRACK": "1",
            "PREFECT_API_URL": str(self._api.base_url), "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }  # fmt: skip
        self._port = port
        self._processes: list[subprocess.Popen[bytes]] = []
        self.start_s = 0.0

    def start(self) -> None:
        """Starts the server, and waits until it is ready."""
        began = time.monotonic()
        self._begin("server", "start", "--host", "127.0.0.1", "--port", str(self._port))
        self._wait(self._is_healthy)
        self.start_s = time.monotonic() - began

    def deployment(self) -> str:
        """Makes a deployment whose flow does nothing; returns its id."""
        (self._folder / "noop.py").write_text(FLOW, encoding="utf-8")
        self._post("/work_pools/", name="bench", type="process")
        flow = self._post("/flows/", name="noop")["id"]
        made: str = self._post(
            "/deployments/", name="bench", flow_id=flow, work_pool_name="bench", entrypoint="noop.py:noop",
            path=str(self._folder),
        )["id"]  # fmt: skip
        return made

    def work(self) -> str:
        """Starts a worker, which does one flow run; returns the id of its deployment."""
        deployment = self.deployment()
        self._begin("worker", "start", "--pool", "bench")
        self.finish(deployment, 1)
        return deployment

    def create(self, deployment: str) -> str:
        """Makes a flow run; returns its id."""
        made: str = self._post(f"/deployments/{deployment}/create_flow_run", state={"type": "SCHEDULED"})["id"]
        return made

    def creation_ms(self, deployment: str, count: int) -> float:
        """The median time of making a flow run, of `count` made one after the other."""
        times = []
        for _ in range(count):
            began = time.monotonic()
            self.create(deployment)
            times.append(1000 * (time.monotonic() - began))
        return median(times)

    def finish(self, deployment: str, count: int) -> float:
        """Has `count` flow runs made and done; returns the seconds from the first's making to the last's end."""
        began = time.monotonic()
        ids = [self.create(deployment) for _ in range(count)]
        wanted = {"flow_runs": {"id": {"any_": ids}, "state": {"type": {"any_": ["COMPLETED"]}}}}
        self._wait(lambda: self._post("/flow_runs/count", **wanted) == count)
        return time.monotonic() - began

    def programs(self) -> list[psutil.Process]:
        """The server's and the worker's processes."""
        roots = [psutil.Process(process.pid) for process in self._processes]
        return roots + [child for root in roots for child in root.children(recursive=True)]

    def close(self) -> None:
        """Ends all of its processes."""
        for process in self.programs():
            process.kill()
        for started in self._processes:
            started.wait(20)
        self._api.close()

    def _begin(self, *arguments: str) -> None:
        command = [self._programs / "prefect", *arguments]
        with (self._folder / "prefect.log").open("ab") as log:
            started = subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=log, stderr=log)
        self._processes.append(started)

    def _post(self, where: str, **body: Any) -> Any:
        """Posts until it is done: while its database is locked the server answers 503, and its own clients repeat."""
        while (answer := self._api.post(where, json=body)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            time.sleep(0.05)
        return answer.raise_for_status().json()

    def _is_healthy(self) -> bool:
        try:
            return self._api.get("/health").is_success
        except httpx.TransportError:
            return False

    def _wait(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError((self._folder / "prefect.log").read_text(encoding="utf-8")[-2000:])
            time.sleep(0.05)


@contextmanager
def prefect(folder: Path) -> Iterator[Prefect]:
    """Prefect while it is measured, and no longer: its polling would count against others."""
    peer = Prefect(folder, free_port())
    try:
        peer.start()
        yield peer
    finally:
        peer.close()
