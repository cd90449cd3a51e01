"""A node that is not root has the same sandbox: the limits hold, and the workspace is its own again."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Of each scenario: how it has to end, as (exit code, limit hit).
ENDINGS = {
    "main path": [0, None],
    "another exit code": [7, None],
    "sleeping forever": [None, "time"],
    "one memory hog": [1, None],
    "many memory hogs": [None, "memory"],
    "shared memory": [None, "memory"],
    "forks that share memory": [0, None],
    "many files": [None, "workspace"],
    "a locked folder": [None, "workspace"],
    "a file without a name": [None, "workspace"],
    "a flood of empty files": [None, "workspace"],
    "too many processes": [0, None],
    "a survivor": [0, None],
}


@pytest.fixture(scope="module")
def report() -> Iterator[dict]:
    """What the scenarios came to, all run by an ordinary user."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, HERE / "plain_node.py", folder],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(HERE.parents[1])},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
        yield json.loads(run.stdout)


def test_it_is_not_root(report) -> None:
    assert report["user"] != 0


def test_the_sandbox_is_available(report) -> None:
    assert report["available"] == [True, "", ""]


@pytest.mark.parametrize("scenario", ENDINGS)
def test_it_ends_as_it_has_to(report, scenario) -> None:
    assert report["endings"][scenario][:2] == ENDINGS[scenario], report["endings"][scenario]


def test_a_port_inside_is_reached(report) -> None:
    assert report["reached"] == "hello from inside"


def test_artifacts_come_back(report) -> None:
    assert report["artifacts"] == {"result.txt": "made by 1000\n"}


def test_processes_are_counted(report) -> None:
    assert 30 <= int(report["endings"]["too many processes"][2]) <= 40


def test_nothing_survives_and_nothing_is_left_on_disk(report) -> None:
    assert report["survivors"] == []
    assert report["left"] == []
