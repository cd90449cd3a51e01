"""Time to create a task, stored, queued and audited, with no node that takes it away; beside Prefect's flow runs."""

from dataclasses import replace

from tests.bench import load
from tests.bench.figures import Figure, median, percentile
from tests.bench.peer_prefect import prefect
from tests.bench.stage import Stage, running
from tests.conftest import LiveGateway

COUNT = 400
FLOWS = 40
GOAL_P95_MS = 8.0
TASK = {"name": "count words", "commands": ["wc -w inputs/*"], "tags": ["report", "daily"]}


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """One client, then eight."""
    found = []
    with running(LiveGateway(stage.folder / "create", options=("--no-node",))) as gateway:
        gateway.sign_up()
        for clients in (1, 8):
            wanted = load.Load(
                gateway.url, [("POST", "/v1/tasks", TASK)], gateway.token, clients, seconds=60, count=COUNT
            )
            outcomes = [load.run(wanted) for _ in range(rounds)]
            name = f"create a task, {clients} client{'s' * (clients > 1)}"
            for percent in (50, 95):
                value = median([1000 * percentile(outcome.latencies, percent) for outcome in outcomes])
                goal = GOAL_P95_MS if (clients, percent) == (1, 95) else None
                found.append(Figure(f"{name}, p{percent}", value, "ms", goal))
            found.append(Figure(f"{name}, rate", median([outcome.rate for outcome in outcomes]), "tasks/s"))
    with prefect(stage.folder / "prefect-create") as peer:
        took = peer.creation_ms(peer.deployment(), FLOWS)
    found[0] = replace(found[0], peer=took, peer_name="Prefect")
    return found
