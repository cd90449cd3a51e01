"""Start to ready, with a database that is already there; beside Prefect's server."""

import time

from tests.bench.figures import Figure, median
from tests.bench.peer_prefect import prefect
from tests.bench.stage import Stage, running
from tests.conftest import LiveGateway

GOAL_S = 2.5
ROUNDS = 5


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """From the process's start to its ready line, and to a node that can do the main job."""
    data_dir = stage.folder / "start"
    with running(LiveGateway(data_dir)) as gateway:
        gateway.wait_ready()
    lines, works = [], []
    for _ in range(max(ROUNDS, rounds)):
        began = time.monotonic()
        with running(LiveGateway(data_dir)) as gateway:
            lines.append(time.monotonic() - began)
            gateway.wait_ready()
            works.append(time.monotonic() - began)
    with prefect(stage.folder / "prefect-start"):
        pass
    others = []
    for _ in range(max(ROUNDS, rounds)):
        with prefect(stage.folder / "prefect-start") as peer:
            others.append(peer.start_s)
    ready = Figure(
        "start to ready, existing database", median(lines), "s", GOAL_S, peer=median(others), peer_name="Prefect"
    )
    return [
        ready,
        Figure("start to a node that takes work", median(works), "s"),
    ]
