"""Orders to nodes, and what they mean for the records."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.errors import Conflict, NotFound
from gateway.core.identity import SYSTEM
from gateway.features.nodes import service as nodes
from gateway.features.nodes import service_presence as presence
from gateway.features.runs import service as runs
from gateway.features.runs import service_placement
from gateway.features.runs.service_holding import NotTaking
from gateway.features.tasks import service_execution as execution
from tests.services.conftest import Open, Tasks

Rows = Callable[..., list[Any]]
LOAD = {"cpu_percent": 10.0, "memory_percent": 20.0}


def ordered(unit: Open, order: str, node_id: uuid.UUID) -> str:
    """What the node is told after an order."""
    with unit(SYSTEM) as work:
        return getattr(nodes, order)(work, node_id).admission  # type: ignore[no-any-return]


def beat(unit: Open, node_id: uuid.UUID, running: int = 0) -> bool:
    with unit(SYSTEM) as work:
        return presence.heartbeat(work, node_id, running=running, capabilities={}, load=LOAD, sample=True)


def events_about(rows: Rows, node_id: uuid.UUID) -> list[str]:
    query = "SELECT name FROM events WHERE data->>'node_id' = :id ORDER BY seq"
    return [name for (name,) in rows(query, id=str(node_id))]


@pytest.fixture
def other(unit: Open) -> uuid.UUID:
    """One more node, just joined."""
    with unit(SYSTEM) as work:
        name = f"other-{uuid.uuid4().hex[:8]}"
        return presence.join(work, name, host="far", pid=1, concurrency=2, labels={"zone": "x"}, capabilities={}).id


def test_orders_are_carried_out_once_and_told(unit: Open, other: uuid.UUID, rows: Rows) -> None:
    orders = ["drain", "drain", "enable", "enable", "disable", "drain", "enable"]
    assert [ordered(unit, order, other) for order in orders] == [
        "draining", "draining", "open", "open", "disabled", "drained", "open",
    ]  # fmt: skip
    assert events_about(rows, other) == [
        "node.joined", "node.draining", "node.enabled", "node.disabled", "node.drained", "node.enabled",
    ]  # fmt: skip


def test_a_node_is_drained_once_its_work_is_done_and_stays_so(unit: Open, other: uuid.UUID, rows: Rows) -> None:
    ordered(unit, "drain", other)
    for _ in range(2):
        with unit(SYSTEM) as work:
            presence.drained(work, other)
    with unit(SYSTEM) as work:
        node = nodes.get(work, other)
        presence.join(work, node.name, host="far", pid=2, concurrency=2, labels={}, capabilities={})
    with unit(SYSTEM) as work:
        assert nodes.get(work, other).admission == "drained", "a new process under the name keeps to the order"
    assert events_about(rows, other).count("node.drained") == 1


def test_a_run_handed_to_a_node_that_takes_nothing_is_left_to_others(mine: Tasks, unit: Open, rows: Rows) -> None:
    task = mine.create()
    assert task.run_id is not None
    ordered(unit, "disable", mine.node.id)
    with pytest.raises(NotTaking):
        mine.node.begin(task.run_id)
    with unit(SYSTEM) as work:
        execution.pass_on(work, task.run_id)
    place = """
        SELECT j.status::text, j.queue_name FROM procrastinate_jobs j JOIN runs r ON r.queue_job_id = j.id
         WHERE r.id = :id"""
    assert rows(place, id=task.run_id) == [("todo", "sandbox")]
    assert mine.get(task.id).attempts == 1
    ordered(unit, "enable", mine.node.id)
    mine.finish(task)
    assert mine.status(task) == ["completed"]


def test_only_a_node_that_is_gone_can_be_removed(unit: Open, other: uuid.UUID, rows: Rows) -> None:
    with pytest.raises(Conflict), unit(SYSTEM) as work:
        nodes.remove(work, other)
    with unit(SYSTEM) as work:
        presence.leave(work, other)
    with unit(SYSTEM) as work:
        nodes.remove(work, other)
    with pytest.raises(NotFound), unit(SYSTEM) as work:
        nodes.get(work, other)
    assert events_about(rows, other)[-2:] == ["node.left", "node.removed"]
    assert not beat(unit, other), "a frozen one that wakes finds out, and joins anew"


def test_a_node_that_falls_silent_is_told_of_once(unit: Open, other: uuid.UUID, database: Any, rows: Rows) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE nodes SET heartbeat_at = now() - interval '9 s' WHERE id = %s", (other,))
    for _ in range(2):
        with unit(SYSTEM) as work:
            presence.notice_lost(work, 8)
    assert events_about(rows, other).count("node.lost") == 1
    assert beat(unit, other)
    with unit(SYSTEM) as work:
        assert nodes.get(work, other).lost_at is None


def test_load_is_kept_and_read_in_steps(unit: Open, other: uuid.UUID) -> None:
    for running in (1, 3):
        beat(unit, other, running)
    with unit(SYSTEM) as work:
        found = nodes.load(work, other, 60)
    assert found.step_s == 15
    assert sum(item.running for item in found.items) / len(found.items) == 2
    assert {item.cpu_percent for item in found.items} == {10.0}


def test_a_job_says_why_it_waits_and_who_would_take_it(mine: Tasks, unit: Open, other: uuid.UUID) -> None:
    task = mine.create(requires={"labels": {"zone": "nowhere"}})
    with unit(mine.actor) as work:
        assert task.run_id is not None
        job = runs.jobs_of(work, task.run_id)[0]
        found = service_placement.placement_of(work, job.id)
        assert (found.run_status, found.node_id) == ("pending", None)
        assert found.explanation == "It waits: none of the nodes that are online suits it."
        reasons = {candidate.node_id: candidate.reasons for candidate in found.candidates}
        assert reasons[other] == ["its zone is x, not nowhere"]
        assert service_placement.wanted(work)
    mine.call("cancel", task.id)
    suited = mine.create()
    mine.finish(suited)
    with unit(mine.actor) as work:
        run_id = mine.get(suited.id).run_id
        assert run_id is not None
        placed = service_placement.placement_of(work, runs.jobs_of(work, run_id)[0].id)
    assert placed.node == "plain"
    assert "plain took it" in placed.explanation
