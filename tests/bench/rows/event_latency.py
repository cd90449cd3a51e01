"""From an event's commit to the moment WebSocket clients have it."""

import json
import subprocess
import sys
import time

from gateway.core.database import Database
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import unit_of_work
from tests.bench.figures import Figure, percentile
from tests.bench.stage import BENCH, Stage

GOAL_P99_MS = 100.0
EVENTS = 40
PAUSE_S = {1: 0.05, 100: 0.1, 1000: 0.5}


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """1, 100 and 1,000 clients, all of which want every event."""
    found = []
    for clients, pause_s in PAUSE_S.items():
        latencies = _latencies(stage, clients, pause_s)
        for percent in (50, 99):
            goal = GOAL_P99_MS if percent == 99 else None
            name = f"event committed to seen, {clients} WebSocket client{'s' * (clients > 1)}, p{percent}"
            found.append(Figure(name, percentile(latencies, percent), "ms", goal))
    return found


def _latencies(stage: Stage, clients: int, pause_s: float) -> list[float]:
    gateway, database = stage.gateway, Database(stage.database_url)
    job = {"url": gateway.url, "token": gateway.token, "clients": clients}
    committed: dict[str, float] = {}
    with subprocess.Popen(
        [sys.executable, str(BENCH / "listeners.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        for number in range(EVENTS):
            time.sleep(pause_s)
            committed[str(number)] = _commit(database, "bench.tick", number)
        time.sleep(pause_s)
        _commit(database, "bench.end", EVENTS)
        seen = json.loads(process.stdout.readline())
    database.dispose()
    assert sum(len(times) for times in seen.values()) == EVENTS * clients, "no client missed any event"
    return [max(0.0, 1000 * (moment - committed[number])) for number, times in seen.items() for moment in times]


def _commit(database: Database, name: str, number: int) -> float:
    with unit_of_work(database.sessions, SYSTEM) as work:
        work.emit(name, data={"number": number})
    return time.time()
