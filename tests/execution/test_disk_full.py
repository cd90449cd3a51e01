"""A full disk is told clearly, loses nothing that was acknowledged, and is over when there is space again."""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LiveGateway, wait_until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 640 MB; only root may mount one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=640m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_disk_full_loses_nothing_acknowledged(small_disk: Path) -> None:
    gateway = LiveGateway(small_disk / "data")
    ballast = small_disk / "ballast"
    try:
        gateway.start().sign_up().wait_ready()
        before = [gateway.submit(commands=[f"echo {n} > artifacts/file"]) for n in range(3)]
        for task in before:
            assert gateway.wait(task["id"])["status"] == "completed"
        _fill(ballast)
        assert gateway.http.get(gateway.url + "/readyz").status_code == 503
        upload = gateway.call("POST", "/v1/artifacts", files=[("file", ("big", bytes(4 * 2**20)))])
        assert (upload.status_code, upload.json()["code"]) in ((507, "disk_full"), (503, "not_ready")), upload.text
        acknowledged, refused = _submit_until_refused(gateway)
        assert refused <= {503, 507}
        assert refused, "in the end even the database's own files have no room"
        ballast.unlink()
        gateway.wait_ready(60)
        for task_id in acknowledged:
            assert gateway.wait(task_id)["status"] in ("completed", "failed")
        for task in before:
            [file] = gateway.result(task["id"])["artifacts"]
            assert gateway.call("GET", f"/v1/artifacts/{file['id']}/content").status_code == 200
        last = gateway.submit(commands=["echo again > artifacts/x"])
        assert gateway.wait(last["id"])["status"] == "completed"
    finally:
        ballast.unlink(missing_ok=True)
        gateway.close()


def _fill(path: Path) -> None:
    block = bytes(2**20)
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                if file.write(block) < len(block):
                    return
            except OSError:
                return


def _submit_until_refused(gateway: LiveGateway) -> tuple[list[str], set[int]]:
    """Submits large tasks; returns what was acknowledged, and how the rest was refused."""
    chance = random.Random(1)
    acknowledged: list[str] = []
    refused: set[int] = set()

    def one_more() -> bool:
        noise = chance.randbytes(200_000).hex()
        wish = {"script": {"content": f": {noise}", "interpreter": "true"}}
        answer = gateway.call("POST", "/v1/tasks", json=wish)
        if answer.status_code == 201:
            acknowledged.append(answer.json()["id"])
        else:
            assert answer.headers["content-type"] == "application/problem+json"
            refused.add(answer.status_code)
        return len(refused) > 0 or len(acknowledged) > 120

    wait_until(one_more, 60)
    return acknowledged, refused
