"""What `make package` has made, put where its user would have it; and the main job, done with that alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT, LiveGateway

DIST = PROJECT / "dist"

Installed = Callable[..., LiveGateway]


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The newest wheel in dist/."""
    return newest("*.whl")


@pytest.fixture(scope="session")
def wheel_venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the locked packages that it asks for."""
    venv = tmp_path_factory.mktemp("wheel") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    for lock in ("build", "run"):
        pip(venv, "install", "--require-hashes", "--no-build-isolation", "-r", PROJECT / "requirements" / f"{lock}.txt")
    pip(venv, "install", "--no-index", "--no-deps", wheel)
    return venv


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    """Starts the gateway of an installed program, away from the project's folder, and makes its owner a token."""
    started: list[LiveGateway] = []

    def start(program: Path) -> LiveGateway:
        # The environment of a user's session: nothing of it leads back to the project.
        bare = {name: "" for name in os.environ if name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        gateway = LiveGateway(tmp_path / "data", program=(str(program),), cwd=tmp_path, environment=bare)
        started.append(gateway.start())
        gateway.token = gateway.cli("token", "create", "--name", "tests").strip()
        return gateway.wait_ready(60)

    yield start
    for gateway in started:
        gateway.close()


def newest(pattern: str) -> Path:
    """The file in dist/ that was made last."""
    found = sorted(DIST.glob(pattern), key=lambda path: path.stat().st_mtime)
    assert found, f"there is no {pattern} in dist/; run `make package`"
    return found[-1]


def pip(venv: Path, *arguments: Any) -> None:
    """Runs the environment's own pip."""
    command = [venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet"]
    subprocess.run(command, check=True)


def does_the_main_job(gateway: LiveGateway) -> None:
    """Commands in the sandbox with a file as their result, an answer of the local model, the console, the guide."""
    task = gateway.submit(name="first", commands=["echo made by $HOSTNAME", "echo kept > artifacts/kept.txt"])
    assert gateway.wait(task["id"])["status"] == "completed"
    result = gateway.result(task["id"])
    assert result["jobs"][0]["stdout"] == "made by sandbox\n"
    assert [artifact["filename"] for artifact in result["artifacts"]] == ["kept.txt"]

    ask = {"model": "local/smollm2-135m", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    answer = gateway.call("POST", "/v1/chat/completions", json=ask, timeout=90)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]

    page = gateway.http.get(gateway.url + "/").text
    script = next(part for part in page.split('"') if part.endswith("/vendor/preact.js"))
    assert gateway.http.get(gateway.url + script).status_code == 200
    assert "<title>Tasks" in gateway.http.get(f"{gateway.url}/docs/guide/tasks.html").text
