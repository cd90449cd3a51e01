"""Memory at rest: gateway and node, PostgreSQL apart; beside Prefect's server and worker."""

import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.peer_prefect import prefect
from tests.bench.stage import Stage, running
from tests.conftest import LiveGateway

GOAL_MB = 220.0
REST_S = 20.0


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Proportional set size some time after ready; pages that both share count once."""
    with running(LiveGateway(stage.folder / "rest")) as gateway:
        gateway.wait_ready()
        time.sleep(REST_S)
        assert gateway.process is not None
        processes = {"gateway": gateway.process.pid, "node": gateway.node_process().pid}
        sizes = {name: memory_mb(pid) for name, pid in processes.items()}
    with prefect(stage.folder / "prefect-rest") as peer:
        peer.work()
        time.sleep(REST_S)
        others = sum(memory_mb(process.pid) for process in peer.programs())
    whole = Figure(
        "memory at rest, gateway + node", sum(sizes.values()), "MB", GOAL_MB, peer=others, peer_name="Prefect"
    )
    parts = [Figure(f"memory at rest, {name}", size, "MB") for name, size in sizes.items()]
    return [whole, *parts]


def memory_mb(pid: int) -> float:
    """A process's proportional set size (Linux, proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1000
    raise AssertionError(f"process {pid} tells no memory")
