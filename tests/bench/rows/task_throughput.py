"""No-op tasks finished per second, durable, beside no-op jobs of Procrastinate alone, and Prefect's flows."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.bench import load
from tests.bench.figures import Figure, median
from tests.bench.peer_prefect import prefect
from tests.bench.rows.submit_to_start import BARE
from tests.bench.stage import Stage, query, running, url_of
from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import another_node, online

COUNT = 200
FLOWS = 10
GOAL_RATIO = 0.6
GOAL_TIMES_PREFECT = 200.0
TASK = {"name": "noop", "commands": ["true"]}
RATE = """
    SELECT (count(*) - 1) / extract(epoch FROM max(ended_at) - min(started_at))
      FROM runs WHERE status = 'completed' AND started_at > to_timestamp(%s)
"""


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """One node at its default concurrency and at 16, then two to four: all on this machine, all tasks queued before."""
    found: list[Figure] = []
    for nodes, concurrency in ((1, 8), (1, 16), (2, 8), (3, 8), (4, 8)):
        ours = _sandboxed(stage, rounds, nodes, concurrency)
        bare = median([_bubblewraps(concurrency) for _ in range(rounds)])
        alone = median([stage.procrastinate_alone("throughput", 3 * COUNT, concurrency)["rate"] for _ in range(rounds)])
        name = f"no-op tasks finished, {nodes} node{'s' * (nodes > 1)}, concurrency {concurrency}"
        found += [
            Figure(
                name, ours, "tasks/s", GOAL_RATIO, higher_is_better=True, peer=alone,
                peer_name="Procrastinate alone", relation="ratio",
            ),
            Figure(f"{name}, each sandboxed", ours, "tasks/s", peer=bare, peer_name="bare bwrap", relation="ratio"),
        ]  # fmt: skip
    flows = _flows(stage, rounds)
    return [
        *found,
        Figure(
            "no-op tasks finished, one node, beside flows", found[0].value, "tasks/s", GOAL_TIMES_PREFECT,
            higher_is_better=True, peer=flows, peer_name="Prefect", relation="ratio",
        ),
    ]  # fmt: skip


def _flows(stage: Stage, rounds: int) -> float:
    """Flow runs that Prefect finishes per second, one worker, a process for each."""
    with prefect(stage.folder / "prefect-throughput") as peer:
        deployment = peer.work()
        return median([FLOWS / peer.finish(deployment, FLOWS) for _ in range(rounds)])


def _sandboxed(stage: Stage, rounds: int, nodes: int, concurrency: int) -> float:
    rates = []
    place = stage.folder / f"throughput-{nodes}-{concurrency}"
    with ExitStack() as stack:
        gateway = stack.enter_context(running(LiveGateway(place, options=("--no-node",)))).sign_up()
        url, names = url_of(gateway), {f"node-{number}" for number in range(nodes)}
        for name in names:
            options = ("--data-dir", str(gateway.data_dir), "--concurrency", str(concurrency), "--name", name)
            stack.enter_context(another_node(gateway, *options))
        wait_until(lambda: all(online(gateway, name) for name in names), 60)
        for _ in range(rounds):
            _order(gateway, "drain")
            load.run(load.Load(gateway.url, [("POST", "/v1/tasks", TASK)], gateway.token, 4, seconds=120, count=COUNT))
            began = time.time()
            _order(gateway, "enable")
            wait_until(lambda: not _open_runs(url), timeout_s=120, pause_s=0.2)
            rates.append(float(query(url, RATE, began)[0][0]))
    return median(rates)


def _order(gateway: LiveGateway, what: str) -> None:
    """Has all nodes do that."""
    for node in gateway.call("GET", "/v1/nodes").json()["items"]:
        assert gateway.call("POST", f"/v1/nodes/{node['id']}/{what}").status_code == 200


def _open_runs(url: str) -> int:
    return int(query(url, "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')")[0][0])


def _bubblewraps(concurrency: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(concurrency) as pool:
        done = pool.map(lambda _: subprocess.run([*BARE, "--", "bash", "-c", "true"], check=True), range(COUNT))
        assert len(list(done)) == COUNT
    return COUNT / (time.monotonic() - began)
