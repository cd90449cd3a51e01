"""Four nodes that are killed again and again, and the database now and then, under many jobs: none lost, none doubled.

It does twenty thousand; SOAK_JOBS says how many instead.
"""

import itertools
import os
import random
import subprocess
import threading
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import another_node, online, postmaster
from tests.execution.drill import STUCK, assert_nothing_lost_or_doubled, number, retries, submit_surely

JOBS = int(os.environ.get("SOAK_JOBS", "20000"))
NAMES = ("one", "two", "three", "four")
SUBMITTERS = 4
KILLS_OF_DATABASE = 10
"""One kill in so many."""


class Fleet:
    """Node processes by their names."""

    def __init__(self, gateway: LiveGateway) -> None:
        self._gateway = gateway
        self._nodes: dict[str, tuple[AbstractContextManager[subprocess.Popen[bytes]], subprocess.Popen[bytes]]] = {}

    def start(self, name: str) -> None:
        """One more."""
        node = another_node(self._gateway, "--data-dir", str(self._gateway.data_dir), "--name", name)
        self._nodes[name] = (node, node.__enter__())

    def kill(self, name: str) -> None:
        """Kills one, and starts it again."""
        node, process = self._nodes.pop(name)
        process.kill()
        node.__exit__(None, None, None)
        self.start(name)

    def close(self) -> None:
        """Ends all in order."""
        for node, _ in self._nodes.values():
            node.__exit__(None, None, None)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_jobs_over_four_nodes_that_are_killed(tmp_path: Path) -> None:
    chance, kills = random.Random(4), 0
    gateway = LiveGateway(tmp_path / "data", options=("--no-node",))
    fleet = Fleet(gateway)
    with ExitStack() as stack:
        stack.callback(gateway.close)
        gateway.start().sign_up()
        stack.callback(fleet.close)
        for name in NAMES:
            fleet.start(name)
        wait_until(lambda: all(online(gateway, name) for name in NAMES), 60)
        made, numbers, began = list[str](), itertools.count(), time.monotonic()
        submitters = [threading.Thread(target=_submit, args=(gateway, numbers, made)) for _ in range(SUBMITTERS)]
        for submitter in submitters:
            submitter.start()
        while any(submitter.is_alive() for submitter in submitters) or number(gateway, STUCK) != 0:
            time.sleep(chance.uniform(4, 10))
            kills += 1
            if kills % KILLS_OF_DATABASE:
                fleet.kill(chance.choice(NAMES))
            else:
                with suppress(psutil.NoSuchProcess, FileNotFoundError):
                    postmaster(gateway).kill()
        took_s = time.monotonic() - began
        assert len(made) == JOBS
        wait_until(lambda: number(gateway, STUCK) == 0, 60)
        assert_nothing_lost_or_doubled(gateway, made)
        print(f"\n{JOBS} jobs in {took_s:.0f} s, {kills} kills, {retries(gateway)} runs lost and begun anew")


def _submit(gateway: LiveGateway, numbers: "itertools.count[int]", made: list[str]) -> None:
    with httpx.Client(trust_env=False, timeout=60) as http:
        while (n := next(numbers)) < JOBS:
            made.append(submit_surely(gateway, http, commands=[f"echo {n} > artifacts/x"]))
