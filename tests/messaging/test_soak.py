"""Deliveries arrive: ten thousand events, three of ten receivers failing, node and gateway killed again and again."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.database import as_system
from gateway.core.config import Config
from gateway.features.identity import service as identity
from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import rows
from tests.messaging.stand_ins import Receiver, Reply, Request, receiver

RECEIVERS = 10
FAILING = 3
OPEN = "SELECT count(*) FROM messaging_deliveries WHERE status <> 'delivered'"
BEHIND = "SELECT (SELECT seq FROM event_head) - (SELECT seq FROM messaging_position)"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_deliveries_arrive_of_ten_thousand_events_though_receivers_fail_and_die(tmp_path: Path) -> None:
    lost, twice, same_id = _drill(tmp_path, events=10_000, kills=10)
    print(f"\n10,000 events: {lost} lost, {twice} came twice ({twice / 100:.2f} %)")
    assert lost == 0
    assert same_id
    assert twice <= 100


def _drill(folder: Path, *, events: int, kills: int) -> tuple[int, int, bool]:
    """How many events never arrived, how many arrived again, and whether those came under the same id."""
    chance = random.Random(7)
    gateway = LiveGateway(folder / "data")
    with ExitStack() as stack:
        stack.callback(gateway.close)
        gateway.start().sign_up().wait_ready()
        held = [stack.enter_context(receiver(_failing_once() if n < FAILING else None)) for n in range(RECEIVERS)]
        for number, there in enumerate(held):
            _subscribe(gateway, there, f"r{number}")
        _emit(gateway, events)
        for round_ in range(kills):
            time.sleep(chance.uniform(2, 5))
            if round_ % 3 == 2:
                assert gateway.process is not None
                gateway.process.kill()
                gateway.process.communicate()
                gateway.start()
            else:
                gateway.node_process().kill()
        wait_until(lambda: rows(gateway, BEHIND) == [(0,)] and rows(gateway, OPEN) == [(0,)], 900, pause_s=1)
    arrived = Counter((each.json["data"]["data"]["number"], each.headers["webhook-id"])
                      for there in held for each in there.accepted())  # fmt: skip
    numbers = {number for number, _ in arrived}
    return events - len(numbers), sum(arrived.values()) - len(arrived), len(arrived) == len(numbers)


def _failing_once() -> Callable[[Request], Reply]:
    """Refuses each message the first time."""
    seen: set[str] = set()

    def answer(request: Request) -> Reply:
        known = request.headers["webhook-id"] in seen
        seen.add(request.headers["webhook-id"])
        return (204 if known else 503, {}, b"")

    return answer


def _subscribe(gateway: LiveGateway, there: Receiver, tag: str) -> None:
    config: dict[str, Any] = {"url": there.url, "allowed_hosts": ["127.0.0.1"]}
    wish = {"destination_type": "webhook", "destination_config": config}
    made = gateway.call("POST", "/v1/destinations", json=wish).json()
    asked = {"destination_id": made["id"], "event_pattern": "task.created", "filter": {"tags": [tag]}}
    assert gateway.call("POST", "/v1/subscriptions", json=asked).status_code == 201


def _emit(gateway: LiveGateway, count: int, batch: int = 500) -> None:
    config = Config.load(data_dir=gateway.data_dir)
    for first in range(0, count, batch):
        with as_system(config) as work:
            owner = identity.account(work, gateway.owner_handle)
            for number in range(first, first + batch):
                work.emit("task.created", owner_id=owner.id, tags=(f"r{number % RECEIVERS}",), data={"number": number})
