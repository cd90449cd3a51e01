"""Everything is killed again and again under work: nothing is lost, nothing stuck, and every retry is a run."""

import random
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import LiveGateway
from tests.execution.conftest import postmaster
from tests.execution.drill import assert_nothing_lost_or_doubled, wait_for_all


def test_killed_processes_lose_nothing_of_thirty_tasks(tmp_path: Path) -> None:
    _chaos(tmp_path, tasks=30, kills=2, pause_s=1.0, victims=("node", "database"))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_processes_lose_nothing_of_two_thousand_tasks(tmp_path: Path) -> None:
    _chaos(tmp_path, tasks=2_000, kills=60, pause_s=4.0, victims=("node", "database", "gateway"))


def _chaos(folder: Path, *, tasks: int, kills: int, pause_s: float, victims: tuple[str, ...]) -> None:
    chance = random.Random(20)
    gateway = LiveGateway(folder / "data")
    try:
        gateway.start().sign_up().wait_ready()
        acknowledged = [_submit(gateway, n) for n in range(tasks)]
        for round_ in range(kills):
            time.sleep(pause_s * chance.uniform(0.5, 1.5))
            _kill(gateway, victims[round_ % len(victims)])
        wait_for_all(gateway, 60 + tasks)
        assert_nothing_lost_or_doubled(gateway, acknowledged)
    finally:
        gateway.close()


def _submit(gateway: LiveGateway, number: int) -> str:
    return str(gateway.submit(commands=[f"sleep 0.{number % 7}; echo {number} > artifacts/x"])["id"])


def _kill(gateway: LiveGateway, victim: str) -> None:
    assert gateway.process is not None
    with suppress(psutil.NoSuchProcess, FileNotFoundError, AssertionError):
        if victim == "node":
            gateway.node_process().kill()
        elif victim == "database":
            postmaster(gateway).kill()
        else:
            gateway.process.kill()
            gateway.process.communicate()
            gateway.start()
