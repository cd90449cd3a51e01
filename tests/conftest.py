"""What tests of the whole product share: a real gateway, started as a user would start it."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from gateway.commands.database import as_system
from gateway.core.config import Config
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens

pytest_plugins = ["tests.no_skips"]

PROJECT = Path(__file__).resolve().parent.parent
MODELS = Path(os.environ.get("GATEWAY_MODELS_DIR") or PROJECT / ".cache" / "models")
PASSWORD = "correct horse battery staple"
FINISHED = ("completed", "failed", "canceled")

os.environ["GATEWAY_MASTER_KEY"] = "file"  # no test touches the keyring of whoever runs it


@dataclass
class LiveGateway:
    """A gateway process with its owner's token; `call` speaks to it over HTTP."""

    data_dir: Path
    options: tuple[str, ...] = ()
    program: tuple[str, ...] = (sys.executable, "app.py")
    cwd: Path = PROJECT
    environment: dict[str, str] = field(default_factory=dict)
    owner_handle: str = "owner"
    owner_password: str = PASSWORD
    url: str = ""
    token: str = ""
    process: subprocess.Popen[str] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30))

    def start(self) -> "LiveGateway":
        """Starts `app.py serve` and waits for its ready line."""
        with self.stderr.open("ab") as errors:
            self.process = subprocess.Popen(
                [*self.program, "serve", "--port", "0", "--data-dir", str(self.data_dir), *self.options],
                cwd=self.cwd, stdout=subprocess.PIPE, stderr=errors, text=True, env=self.env,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("gateway ready at "):
            self.process.communicate()
            raise AssertionError(f"the gateway did not start: {line!r} {self.stderr.read_text()[-2000:]}")
        self.url = line.removeprefix("gateway ready at ").strip()
        return self

    @property
    def stderr(self) -> Path:
        """What the gateway and its node said; a file, since a full pipe that nobody reads would stop them."""
        return self.data_dir.with_name(f"{self.data_dir.name}.stderr")

    @property
    def env(self) -> dict[str, str]:
        """The environment of the gateway's processes."""
        return {**os.environ, "GATEWAY_MODELS_DIR": str(MODELS), **self.environment}

    def sign_up(self) -> "LiveGateway":
        """Gives the owner a password and makes a token, as the command line does but without its processes."""
        config = Config.load(data_dir=self.data_dir, database_url=self.environment.get("GATEWAY_DATABASE_URL"))
        with as_system(config) as work:
            owner = identity.account(work, self.owner_handle)
            identity.reset_password(work, owner, self.owner_password)
            self.token = service_tokens.create_token(work, "tests", None, None, user=owner)[1]
        return self

    def cli(self, *arguments: str, stdin: str = "") -> str:
        """Runs `app.py` on this data directory; returns its standard output."""
        done = subprocess.run(
            [*self.program, *arguments, "--data-dir", str(self.data_dir)],
            cwd=self.cwd, input=stdin, capture_output=True, text=True, env=self.env, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request as the owner, unless `headers` bring another Authorization."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.http.request(method, self.url + path, headers=headers, **options)

    def submit(self, **task: Any) -> dict[str, Any]:
        """Creates a task."""
        answer = self.call("POST", "/v1/tasks", json=task)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def task(self, task_id: str) -> dict[str, Any]:
        """The task as it is now."""
        return self.call("GET", f"/v1/tasks/{task_id}").json()  # type: ignore[no-any-return]

    def wait(self, task_id: str, *statuses: str, timeout_s: float = 60) -> dict[str, Any]:
        """Waits until the task has one of `statuses` (finished, by default)."""
        return wait_until(lambda: (task := self.task(task_id))["status"] in (statuses or FINISHED) and task, timeout_s)

    def unfinished(self) -> list[dict[str, Any]]:
        """The tasks that wait or run."""
        pages = [self.call("GET", f"/v1/tasks?status={status}").json() for status in ("waiting", "queued", "running")]
        return [task for page in pages for task in page["items"]]

    def result(self, task_id: str) -> dict[str, Any]:
        """The task's result."""
        return self.call("GET", f"/v1/tasks/{task_id}/result").json()  # type: ignore[no-any-return]

    def wait_ready(self, timeout_s: float = 30) -> "LiveGateway":
        """Waits until the main job can run."""
        wait_until(lambda: self.http.get(self.url + "/readyz").status_code == 200, timeout_s)
        return self

    def node_process(self) -> psutil.Process:
        """The node beside the gateway."""
        assert self.process is not None
        return wait_until(lambda: _node_of(psutil.Process(self.process.pid)), 20)  # type: ignore[union-attr]

    def stop(self) -> int:
        """Stops the gateway as Ctrl-C would; returns its exit code."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode

    def close(self) -> None:
        """Stops what still runs and closes connections."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        if self.process is not None:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()
        self.http.close()


def wait_until(condition: Callable[[], Any], timeout_s: float, pause_s: float = 0.05) -> Any:
    """Polls until `condition` gives something true; returns that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause_s)
    raise AssertionError(f"not true within {timeout_s} s")


SHARED = pytest.StashKey[LiveGateway]()


@pytest.fixture(scope="session")
def live_gateway(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[LiveGateway]:
    """One gateway for all tests that leave it as they found it."""
    gateway = LiveGateway(tmp_path_factory.mktemp("gateway"))
    try:
        gateway.start().sign_up().wait_ready()
        pytestconfig.stash[SHARED] = gateway
        yield gateway
    finally:
        gateway.close()


@pytest.fixture(scope="module", autouse=True)
def left_as_found(pytestconfig: pytest.Config) -> Iterator[None]:
    """Holds each module to what the tests after it need: a task that it leaves in the shared gateway takes a slot from
    them, and a socket that it leaves open fails whichever of them runs when it is collected."""
    yield
    gc.collect()
    gc.freeze()  # what has survived stays: else each module pays for all that those before it have left in memory
    gateway = pytestconfig.stash.get(SHARED, None)
    if gateway is not None:
        deadline = time.monotonic() + 90
        while left := gateway.unfinished():
            what = [f"{task['status']}: {task['kind']} task {task['name']} of {task['created_at']}" for task in left]
            assert time.monotonic() < deadline, what
            time.sleep(0.2)


@pytest.fixture
def own_gateway(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway that the test may break."""
    gateway = LiveGateway(tmp_path / "data")
    try:
        gateway.start().sign_up().wait_ready()
        yield gateway
    finally:
        gateway.close()


def _node_of(gateway: psutil.Process) -> psutil.Process | None:
    for child in gateway.children():
        with suppress(psutil.NoSuchProcess):
            if "node" in child.cmdline():
                return child
    return None
