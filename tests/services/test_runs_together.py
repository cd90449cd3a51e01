"""Runs that begin, or end, in one unit of work: each as if it were alone."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from gateway.core.identity import SYSTEM
from gateway.features.runs.service_holding import Claim, Fenced
from gateway.features.runs.service_logs import LogBatch
from gateway.features.tasks import service_execution as execution
from gateway.features.tasks.models import Task
from gateway.features.tasks.service_execution import End, JobReport, Plan, RunReport
from gateway.node.placing import FETCH
from tests.services.conftest import Open, PlainNode, Tasks

Rows = Callable[..., list[Any]]


def begun(unit: Open, claims: list[Claim]) -> list[Any]:
    with unit(SYSTEM) as work:
        return execution.begin(work, claims)


def ended(unit: Open, node: PlainNode, *reports: tuple[Task, str]) -> list[Any]:
    ends = []
    for task, status in reports:
        error = {"code": "command_failed", "message": "It exited with 1."} if status == "failed" else None
        assert task.run_id is not None
        ends.append(End(
            task.run_id, node.holder, node.store, RunReport(status, error=error), JobReport(0, status), LogBatch(0, [])
        ))  # fmt: skip
    with unit(SYSTEM) as work:
        return execution.end(work, ends)


def claim(node: PlainNode, task: Task) -> Claim:
    assert task.run_id is not None
    return Claim(task.run_id, node.id, node.holder)


def test_each_claim_has_its_own_answer(mine: Tasks, node: PlainNode, unit: Open) -> None:
    first, canceled, taken, last = (mine.create() for _ in range(4))
    mine.call("cancel", canceled.id)
    node.another().begin_all([claim(node, taken).run_id])
    unknown = Claim(uuid.uuid4(), node.id, node.holder)
    outcomes = begun(unit, [claim(node, first), claim(node, canceled), unknown, claim(node, taken), claim(node, last)])
    assert [type(outcome) for outcome in outcomes] == [Plan, Fenced, Fenced, Fenced, Plan]
    assert [outcomes[0].task_id, outcomes[4].task_id] == [first.id, last.id]
    assert mine.status(first, canceled, taken, last) == ["running", "canceled", "running", "running"]


def test_what_a_stale_process_reports_does_not_keep_others_from_ending(
    mine: Tasks, node: PlainNode, unit: Open, rows: Rows
) -> None:
    first, lost, last = (mine.create() for _ in range(3))
    begun(unit, [claim(node, task) for task in (first, lost, last)])
    with unit(SYSTEM) as work:
        assert lost.run_id is not None
        execution.reclaim(work, {lost.run_id})
    outcomes = ended(unit, node, (first, "completed"), (lost, "completed"), (last, "failed"))
    assert isinstance(outcomes[1], Fenced)
    assert mine.status(first, lost, last) == ["completed", "queued", "failed"]
    query = "SELECT name FROM events WHERE run_id = :id ORDER BY seq"
    assert [name for (name,) in rows(query, id=last.run_id)] == [
        "task.created", "run.started", "task.updated", "job.started", "job.failed", "run.failed", "task.failed",
    ]  # fmt: skip
    assert rows("SELECT count(*) FROM procrastinate_jobs WHERE id = :id", id=outcomes[0]) == [(0,)]


def test_what_waited_for_several_that_end_together_is_told_once(mine: Tasks, node: PlainNode, unit: Open) -> None:
    good, other, bad = (mine.create() for _ in range(3))
    released = mine.create(depends_on=[good.id, other.id])
    canceled = mine.create(depends_on=[good.id, bad.id])
    after = mine.create(depends_on=[canceled.id])
    begun(unit, [claim(node, task) for task in (good, other, bad)])
    ended(unit, node, (good, "completed"), (bad, "failed"), (other, "completed"))
    assert mine.status(released, canceled, after) == ["queued", "canceled", "canceled"]
    assert mine.get(released.id).attempts == 1


def test_a_node_is_handed_as_many_jobs_as_it_has_hands(mine: Tasks, unit: Open) -> None:
    with unit(SYSTEM) as work:
        work.session.execute(text("DELETE FROM procrastinate_jobs"))
    tasks = [mine.create(priority=priority) for priority in (0, 5, 1)]
    with unit(SYSTEM) as work:
        worker = work.session.execute(text("SELECT * FROM procrastinate_register_worker_v1()")).scalar_one()
        connection: Any = work.session.connection().connection.driver_connection

        def fetched(free: int) -> list[str]:
            values = {"queues": ["sandbox", "default"], "worker_id": worker, "free": free}
            return [row[6]["run_id"] for row in connection.execute(FETCH, values).fetchall()]

        found = fetched(2), fetched(2), fetched(2)
    by_priority = [str(task.run_id) for task in sorted(tasks, key=lambda task: -task.priority)]
    assert found == (by_priority[:2], by_priority[2:], [])
