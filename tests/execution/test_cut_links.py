"""Three nodes on machines of their own, whose links to database and gateway are cut, delayed and made to lose packets.

The database is reached in the clear here: the server at hand has no TLS, and what is tried is the network.
"""

import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.core.data_dir import DataDir
from gateway.core.postgres import embedded
from gateway.core.postgres.cluster import DATABASE, PORT, ROLE, PostgresCluster
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import another_node, online, runs_of
from tests.execution.drill import assert_nothing_lost_or_doubled, retries, submit_surely, wait_for_all
from tests.execution.network import HOST, Link, Network

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

TASKS = int(os.environ.get("SOAK_TASKS", "600"))
TAKE_OVER_S = 15.0
NAMES = ("uag-north", "uag-east", "uag-west")


@dataclass
class Far:
    """A gateway with three nodes, each behind a link."""

    gateway: LiveGateway
    network: Network

    def link_of(self, task_id: str) -> Link:
        """The link of the node that runs the task."""
        run = self.gateway.call("GET", f"/v1/runs/{self.gateway.task(task_id)['run_id']}").json()
        node = self.gateway.call("GET", f"/v1/nodes/{run['node_id']}").json()
        return next(link for link in self.network.links if link.name == node["name"])


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    """The gateway is on this machine, and so is the database, which listens for the nodes."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    outside = DataDir(folder / "outside")
    outside.prepare()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        network = stack.enter_context(Network(NAMES))
        stack.enter_context(outside.lock())
        server = EmbeddedPostgres(outside)
        stack.callback(server.stop)
        environment = {"GATEWAY_DATABASE_URL": _listening(server), "GATEWAY_ALLOWED_HOSTS": f'["{HOST}"]'}
        gateway = LiveGateway(folder / "data", options=("--no-node", "--host", HOST), environment=environment)
        stack.callback(gateway.close)
        gateway.start().sign_up()
        wish = {"name": "far", "scopes": ["nodes.carry_files"]}
        environment["GATEWAY_JOIN_TOKEN"] = gateway.call("POST", "/v1/tokens", json=wish).json()["token"]
        passfile = PostgresCluster(outside).passfile
        url = f"postgresql://{ROLE}@{HOST}:{PORT}/{DATABASE}?sslmode=disable&passfile={passfile}"
        for link in network.links:
            options = ("--database-url", url, "--data-dir", str(folder / link.name), "--name", link.name)
            stack.enter_context(another_node(gateway, *options, "--join", gateway.url, within=link.within))
        wait_until(lambda: all(online(gateway, name) for name in NAMES), 90)
        yield Far(gateway, network)


def test_what_a_cut_off_node_ran_is_taken_over_and_its_late_result_refused(far: Far) -> None:
    gateway = far.gateway
    task = gateway.submit(commands=["sleep 12; echo done > artifacts/x"])
    gateway.wait(task["id"], "running")
    link = far.link_of(task["id"])
    link.is_cut = True
    began = time.monotonic()
    wait_until(lambda: runs_of(gateway, task["id"])[1:] == [("running", None)], TAKE_OVER_S + 5)
    took_s = time.monotonic() - began
    assert far.link_of(task["id"]) is not link
    link.restore()
    assert gateway.wait(task["id"])["status"] == "completed"
    wait_until(lambda: online(gateway, link.name), 60)
    assert runs_of(gateway, task["id"]) == [("failed", "node_lost"), ("completed", None)]
    assert len(gateway.result(task["id"])["artifacts"]) == 1
    print(f"\ntaken over {took_s:.1f} s after the link was cut")
    assert took_s < TAKE_OVER_S


def test_links_cut_delayed_and_restored_under_load_lose_and_double_nothing(far: Far) -> None:
    gateway, over = far.gateway, threading.Event()
    given = gateway.call("POST", "/v1/artifacts?filename=given.bin", content=os.urandom(2**20)).json()["id"]
    earlier = [task["id"] for task in gateway.call("GET", "/v1/tasks").json()["items"]]
    troubles = [threading.Thread(target=_trouble, args=(link, over, seed))
                for seed, link in enumerate(far.network.links)]  # fmt: skip
    for trouble in troubles:
        trouble.start()
    began = time.monotonic()
    try:
        with httpx.Client(trust_env=False, timeout=60) as http:
            made = [submit_surely(gateway, http, **_task(number, given)) for number in range(TASKS)]
        wait_for_all(gateway, 600 + TASKS)
    finally:
        over.set()
        for trouble in troubles:
            trouble.join()
    took_s = time.monotonic() - began
    wait_until(lambda: all(online(gateway, name) for name in NAMES), 90)
    assert_nothing_lost_or_doubled(gateway, [*earlier, *made])
    print(f"\n{TASKS} tasks in {took_s:.0f} s over links in trouble, {retries(gateway)} runs lost and begun anew")


def _listening(server: EmbeddedPostgres) -> str:
    """Starts the server, also for the machines of the network; returns its URL on this one."""
    cluster = PostgresCluster(server.data_dir)
    cluster.ensure()
    with (cluster.path / "pg_hba.conf").open("a") as rules:
        rules.write(f"host {DATABASE} {ROLE} {HOST}/24 scram-sha-256\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedded.SETTINGS, "max_connections", "200")
        usual = embedded._address
        patch.setattr(embedded, "_address", lambda there: {**usual(there), "listen_addresses": HOST})
        return server.start()


def _task(number: int, given: str) -> dict[str, object]:
    """Every tenth reads a file that has to be fetched first; each leaves one."""
    if number % 10 == 0:
        return {"commands": ["wc -c < inputs/given.bin > artifacts/x"], "attachments": [given]}
    return {"commands": [f"sleep 0.{number % 7}; echo {number} > artifacts/x"]}


def _trouble(link: Link, over: threading.Event, seed: int) -> None:
    """What happens to one link until it is over: now cut – longer than a lease, or shorter –, now slow, now lossy."""
    chance = random.Random(seed)
    while not over.wait(chance.uniform(3, 8)):
        kind = chance.choice(("cut", "slow", "lossy"))
        if kind == "cut":
            link.is_cut = True
        elif kind == "slow":
            link.delay_s = chance.uniform(0.05, 0.4)
        else:
            link.loss = chance.uniform(0.02, 0.15)
        over.wait(chance.uniform(2, 20))
        link.restore()
