"""What drills share: asking until it is answered, and the look at the records afterwards."""

import time
import uuid
from contextlib import suppress
from typing import Any

import httpx
import psycopg

from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import rows

STUCK = "SELECT count(*) FROM tasks WHERE status <> 'completed'"
UNSEEN = """
    SELECT count(*) FROM tasks
     WHERE attempts <> (SELECT count(*) FROM runs WHERE runs.task_id = tasks.id)
        OR 1 <> (SELECT count(*) FROM runs WHERE runs.task_id = tasks.id AND runs.status = 'completed')
"""
"""Tasks with an attempt that is no run of its own, or with a result of none or of two."""

FILES = "SELECT count(*) FROM tasks WHERE 1 <> (SELECT count(*) FROM artifacts WHERE task_id = tasks.id)"
GAPS = "SELECT (SELECT seq FROM event_head) - count(*), max(seq) - count(*) FROM events"
OPEN_RUNS = "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')"
TOLD = """
    SELECT count(*) FROM tasks
     WHERE 1 <> (SELECT count(*) FROM events WHERE events.task_id = tasks.id AND name = 'task.completed')
"""


def submit_surely(gateway: LiveGateway, http: httpx.Client, **task: Any) -> str:
    """Creates a task, asking with one key until it is answered; returns its id."""
    key = str(uuid.uuid4())
    while True:
        headers = {"Authorization": f"Bearer {gateway.token}", "Idempotency-Key": key}
        answer = http.post(f"{gateway.url}/v1/tasks", json=task, headers=headers)
        if answer.status_code == 201:
            return str(answer.json()["id"])
        assert answer.status_code in (429, 503), answer.text
        time.sleep(0.2)


def wait_for_all(gateway: LiveGateway, timeout_s: float) -> None:
    """Until every task is completed."""
    wait_until(lambda: number(gateway, STUCK) == 0, timeout_s, pause_s=0.5)


def assert_nothing_lost_or_doubled(gateway: LiveGateway, acknowledged: list[str]) -> None:
    """Of tasks that each leave one file: all are there, each with one result, told of once, every retry a run."""
    assert number(gateway, "SELECT count(*) FROM tasks") == len(set(acknowledged)) == len(acknowledged)
    found = {query: number(gateway, query) for query in (STUCK, UNSEEN, FILES, TOLD, OPEN_RUNS)}
    assert set(found.values()) == {0}, found
    assert rows(gateway, GAPS) == [(0, 0)]


def retries(gateway: LiveGateway) -> int:
    """How many attempts ended with a node that was lost."""
    return int(rows(gateway, "SELECT count(*) FROM runs WHERE status = 'failed'")[0][0])


def number(gateway: LiveGateway, query: str) -> int | None:
    """The number that the records answer with; None while the database is away."""
    with suppress(psycopg.Error, AssertionError):
        return int(rows(gateway, query)[0][0])
    return None
