"""From POST to the first instruction of the sandboxed command, beside bare bubblewrap and Procrastinate."""

import subprocess
import time

from tests.bench.figures import Figure, median
from tests.bench.stage import Stage
from tests.conftest import LiveGateway

COUNT = 40
GOAL_ADDED_MS = 25.0
PAUSE_S = 0.1
CLOCK = "echo $EPOCHREALTIME"
BARE = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Medians of single tasks, with the parts of the peer measured in the same rounds."""
    ours, bare, queued = [], [], []
    _one(stage.gateway)
    for _ in range(rounds):
        ours += [_one(stage.gateway) for _ in range(COUNT)]
        bare += [_bare_bubblewrap() for _ in range(COUNT)]
        queued.append(median(stage.procrastinate_alone("start", COUNT, 8)["latencies_ms"]))
    peer = median(bare) + median(queued)
    return [
        Figure(
            "submit to first instruction, median", median(ours), "ms", GOAL_ADDED_MS, peer=peer,
            peer_name=f"bwrap {median(bare):.1f} + Procrastinate {median(queued):.1f}", relation="added",
        )
    ]  # fmt: skip


def _one(gateway: LiveGateway) -> float:
    before = time.time()
    task = gateway.submit(commands=[CLOCK])
    gateway.wait(task["id"])
    [job] = gateway.result(task["id"])["jobs"]
    time.sleep(PAUSE_S)
    return 1000 * (float(job["stdout"]) - before)


def _bare_bubblewrap() -> float:
    before = time.time()
    done = subprocess.run([*BARE, "--", "bash", "-c", CLOCK], capture_output=True, text=True, check=True)
    time.sleep(PAUSE_S / 4)
    return 1000 * (float(done.stdout) - before)
