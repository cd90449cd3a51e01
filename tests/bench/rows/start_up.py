"""Start to ready, with a database that is already there."""

import time

from tests.bench.figures import Figure, median
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
    return [
        Figure("start to ready, existing database", median(lines), "s", GOAL_S),
        Figure("start to a node that takes work", median(works), "s"),
    ]
