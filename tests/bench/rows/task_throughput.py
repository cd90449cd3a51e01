"""No-op tasks finished per second, durable, beside no-op jobs of Procrastinate alone."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench import load
from tests.bench.figures import Figure, median
from tests.bench.rows.submit_to_start import BARE
from tests.bench.stage import Stage, query, running, url_of
from tests.conftest import PROJECT, LiveGateway, wait_until

COUNT = 200
GOAL_RATIO = 0.6
TASK = {"name": "noop", "commands": ["true"]}
RATE = """
    SELECT (count(*) - 1) / extract(epoch FROM max(ended_at) - min(started_at))
      FROM runs WHERE status = 'completed' AND started_at > to_timestamp(%s)
"""


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """One node at its default concurrency and at 16; all tasks are queued before the node starts."""
    found = []
    for concurrency in (8, 16):
        ours = _sandboxed(stage, rounds, concurrency)
        bare = median([_bubblewraps(concurrency) for _ in range(rounds)])
        alone = median([stage.procrastinate_alone("throughput", 3 * COUNT, concurrency)["rate"] for _ in range(rounds)])
        name = f"no-op tasks finished, concurrency {concurrency}"
        found += [
            Figure(
                name, ours, "tasks/s", GOAL_RATIO, higher_is_better=True, peer=alone,
                peer_name="Procrastinate alone", relation="ratio",
            ),
            Figure(f"{name}, each sandboxed", ours, "tasks/s", peer=bare, peer_name="bare bwrap", relation="ratio"),
        ]  # fmt: skip
    return found


def _sandboxed(stage: Stage, rounds: int, concurrency: int) -> float:
    rates = []
    with running(LiveGateway(stage.folder / f"throughput-{concurrency}", options=("--no-node",))) as gateway:
        gateway.sign_up()
        url = url_of(gateway)
        for _ in range(rounds):
            load.run(load.Load(gateway.url, [("POST", "/v1/tasks", TASK)], gateway.token, 4, seconds=120, count=COUNT))
            began = time.time()
            options = ("--data-dir", str(gateway.data_dir), "--concurrency", str(concurrency))
            node = subprocess.Popen([sys.executable, "app.py", "node", *options], cwd=PROJECT, env=gateway.env)
            try:
                wait_until(lambda: not _open_runs(url), timeout_s=120, pause_s=0.2)
            finally:
                node.terminate()
                node.wait()
            rates.append(float(query(url, RATE, began)[0][0]))
    return median(rates)


def _open_runs(url: str) -> int:
    return int(query(url, "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')")[0][0])


def _bubblewraps(concurrency: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(concurrency) as pool:
        done = pool.map(lambda _: subprocess.run([*BARE, "--", "bash", "-c", "true"], check=True), range(COUNT))
        assert len(list(done)) == COUNT
    return COUNT / (time.monotonic() - began)
