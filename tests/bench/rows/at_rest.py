"""Memory at rest: gateway and node, PostgreSQL apart; beside Prefect's server and worker.

They run as they are installed, without what only the tools beside the tests need: structlog and httpx load rich,
colorama and zstandard wherever they are there, some 8 MB.
"""

import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.peer_prefect import prefect
from tests.bench.stage import Stage, running
from tests.conftest import LiveGateway

GOAL_MB = 220.0
REST_S = 20.0


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Proportional set size some time after ready, of a first start and of a later one; shared pages count once."""
    without = stage.folder / "without"
    without.mkdir()
    for package in ("rich", "pygments", "colorama", "zstandard"):
        (without / f"{package}.py").write_text("raise ImportError")
    first, later = (_rest(LiveGateway(stage.folder / "rest", environment={"PYTHONPATH": str(without)})) for _ in "12")
    with prefect(stage.folder / "prefect-rest") as peer:
        peer.work()
        time.sleep(REST_S)
        others = sum(memory_mb(process.pid) for process in peer.programs())
    whole = sum(first.values())
    return [
        Figure("memory at rest, gateway + node", whole, "MB", GOAL_MB, peer=others, peer_name="Prefect"),
        *(Figure(f"memory at rest, {name}", size, "MB") for name, size in first.items()),
        Figure("memory at rest, existing database", sum(later.values()), "MB"),
    ]


def _rest(gateway: LiveGateway) -> dict[str, float]:
    with running(gateway):
        gateway.wait_ready()
        time.sleep(REST_S)
        assert gateway.process is not None
        processes = {"gateway": gateway.process.pid, "node": gateway.node_process().pid}
        return {name: memory_mb(pid) for name, pid in processes.items()}


def memory_mb(pid: int) -> float:
    """A process's proportional set size (Linux, proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1000
    raise AssertionError(f"process {pid} tells no memory")
