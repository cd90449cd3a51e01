"""The Python client: its types hold, it has every route, and it does a script's work."""

import importlib
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FINISHED, PROJECT, LiveGateway

STREAMS = 4
"""Routes whose answers have no end: they are read with `http.stream`."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The client as `make client` makes it, where it can be imported."""
    folder = tmp_path_factory.mktemp("client") / "made"
    subprocess.run([sys.executable, "packaging/make_client.py", str(folder)], cwd=PROJECT, check=True, timeout=120)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture
def gateway(package: Path, live_gateway: LiveGateway) -> Iterator[Any]:
    """A client of the owner's."""
    with importlib.import_module("gateway_client").Gateway(live_gateway.url, live_gateway.token) as client:
        yield client


def test_its_types_hold(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "gateway_client"],
        cwd=package, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_it_has_every_route(gateway: Any, live_gateway: LiveGateway) -> None:
    document = live_gateway.call("GET", "/openapi.json").json()
    operations = sum(len(item) for item in document["paths"].values())
    methods = [name for name in vars(type(gateway)) if not name.startswith("_")]
    assert len(methods) == operations - STREAMS


def test_a_scripts_work(gateway: Any) -> None:
    client = importlib.import_module("gateway_client")
    tag = f"t{uuid.uuid4().hex[:10]}"
    file = gateway.upload(b"line\n" * 3, filename="given.txt", content_type="text/plain")
    wish = {"commands": ["wc -l < inputs/given.txt"], "attachments": [file["id"]], "tags": [tag]}
    task = gateway.create_task(wish, idempotency_key=tag)
    assert gateway.create_task(wish, idempotency_key=tag)["id"] == task["id"]
    done = client.wait_until(lambda: gateway.get_task(task["id"]), lambda task: task["status"] in FINISHED)
    assert done["status"] == "completed"
    assert gateway.get_result(task["id"])["jobs"][0]["stdout"] == "3\n"
    assert gateway.get_content(file["id"]).content == b"line\n" * 3
    others = [gateway.create_task({"commands": ["true"], "tags": [tag]})["id"] for _ in range(4)]
    listed = [item["id"] for item in gateway.every(gateway.list_tasks, tag=tag, limit=2, sort="created_at")]
    assert listed == [task["id"], *others]
    assert gateway.list_tasks(tag=tag, count=True, limit=1, fields="name")["count"] == 5
    schedule = gateway.create_schedule({"name": tag, "cron": "@hourly", "payload": wish | {"kind": "commands"}})
    changed = gateway.patch_schedule(schedule["id"], {"enabled": False}, version=schedule["version"])
    assert not changed["enabled"]
    assert gateway.delete_schedule(schedule["id"]) is None


def test_what_is_refused_says_why(gateway: Any) -> None:
    problem = importlib.import_module("gateway_client").Problem
    with pytest.raises(problem, match="no such task") as refused:
        gateway.get_task(str(uuid.uuid4()))
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    with pytest.raises(problem) as refused:
        gateway.create_task({"commands": []})
    assert refused.value.errors
    schedule = gateway.create_schedule(
        {"name": f"s{uuid.uuid4().hex[:8]}", "cron": "@hourly", "payload": {"kind": "commands", "commands": ["true"]}}
    )
    with pytest.raises(problem) as refused:
        gateway.patch_schedule(schedule["id"], {"enabled": False}, version=schedule["version"] + 7)
    assert refused.value.code == "stale_version"
