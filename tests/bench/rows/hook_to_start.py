"""From a signed request to a hook to the first instruction of the sandboxed command, over an idle system."""

import time

import httpx

from tests.bench.figures import Figure, median, percentile
from tests.bench.stage import Stage
from tests.conftest import LiveGateway

COUNT = 40
GOAL_MS = 50.0
PAUSE_S = 0.1
TASK = {"commands": ["echo $EPOCHREALTIME"]}


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Median and 95th percentile, over a connection that is kept."""
    gateway = stage.gateway
    wish = {"name": "bench", "verify": "token", "action": {"kind": "create_task", "task": TASK}}
    hook = gateway.call("POST", "/v1/hooks", json=wish).json()
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {hook['secret']}"}) as sender:
        _one(gateway, sender, hook["url"])
        taken = [_one(gateway, sender, hook["url"]) for _ in range(rounds * COUNT)]
    return [
        Figure("hook to first instruction, median", median(taken), "ms", GOAL_MS),
        Figure("hook to first instruction, p95", percentile(taken, 95), "ms"),
    ]


def _one(gateway: LiveGateway, sender: httpx.Client, url: str) -> float:
    before = time.time()
    task_id = sender.post(url, json={}).raise_for_status().json()["task_id"]
    gateway.wait(task_id)
    [job] = gateway.result(task_id)["jobs"]
    time.sleep(PAUSE_S)
    return 1000 * (float(job["stdout"]) - before)
