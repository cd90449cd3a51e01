"""Messages delivered per second, signed and recorded, beside plain posts by httpx to the same receiver."""

import asyncio
import json
import subprocess
import sys
import time

import httpx

from gateway.commands.database import as_system
from gateway.core.config import Config
from gateway.features.identity import service as identity
from gateway.features.messaging.sender import WIDTH
from tests.bench.figures import Figure, median
from tests.bench.stage import Stage, query, running, url_of
from tests.conftest import PROJECT, LiveGateway, wait_until

COUNT = 2000
GOAL_RATIO = 0.5
RATE = """
    SELECT count(*) / extract(epoch FROM max(started_at + latency_ms * interval '1 millisecond') - min(started_at))
      FROM messaging_attempts WHERE started_at > to_timestamp(%s)
"""
LEFT = """
    SELECT (SELECT count(*) FROM messaging_deliveries WHERE status = 'pending')
         + (SELECT seq FROM event_head) - (SELECT seq FROM messaging_position)
"""


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """All events are in the log before the node starts; both sides have as many requests open at once."""
    ours, plain = [], []
    there = f"{stage.peer_url}/hook"
    with running(LiveGateway(stage.folder / "deliveries", options=("--no-node",))) as gateway:
        gateway.sign_up()
        config = {"url": there, "allowed_hosts": ["127.0.0.1"]}
        wish = {"destination_type": "webhook", "destination_config": config}
        made = gateway.call("POST", "/v1/destinations", json=wish).json()
        asked = {"destination_id": made["id"], "event_pattern": "task.created"}
        gateway.call("POST", "/v1/subscriptions", json=asked).raise_for_status()
        for _ in range(rounds):
            _emit(gateway)
            ours.append(_delivered(gateway))
            plain.append(asyncio.run(_posted(there)))
    return [Figure(
        "messages delivered", median(ours), "deliveries/s", GOAL_RATIO, higher_is_better=True, peer=median(plain),
        peer_name="plain httpx posts", relation="ratio",
    )]  # fmt: skip


def _emit(gateway: LiveGateway) -> None:
    with as_system(Config.load(data_dir=gateway.data_dir)) as work:
        owner = identity.account(work, gateway.owner_handle)
        for number in range(COUNT):
            work.emit("task.created", owner_id=owner.id, data={"name": f"n{number}", "kind": "commands"})


def _delivered(gateway: LiveGateway) -> float:
    began = time.time()
    command = [sys.executable, "app.py", "node", "--data-dir", str(gateway.data_dir)]
    node = subprocess.Popen(command, cwd=PROJECT, env=gateway.env)
    url = url_of(gateway)
    try:
        wait_until(lambda: not query(url, LEFT)[0][0], timeout_s=120, pause_s=0.2)
        return float(query(url, RATE, began)[0][0])
    finally:
        node.terminate()
        node.wait()


async def _posted(there: str) -> float:
    body = json.dumps({"type": "task.created", "data": {"name": "n", "kind": "commands"}}).encode()
    left = list(range(COUNT))
    async with httpx.AsyncClient(trust_env=False) as http:

        async def post() -> None:
            while left:
                left.pop()
                (await http.post(there, content=body)).raise_for_status()

        began = time.monotonic()
        await asyncio.gather(*(post() for _ in range(WIDTH)))
        return COUNT / (time.monotonic() - began)
