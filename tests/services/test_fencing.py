"""Only the process that has a run may write about it; what is reported twice is stored once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.identity import SYSTEM
from gateway.features.runs import service as runs
from gateway.features.runs import service_holding as holding
from gateway.features.runs.service_holding import Fenced
from gateway.features.runs.service_logs import LogBatch, LogPiece
from gateway.features.tasks import service as tasks
from gateway.features.tasks import service_execution as execution
from gateway.features.tasks.schemas import TaskPatch
from gateway.features.tasks.service_execution import MOST_LOSSES, JobReport
from tests.services.conftest import Open, PlainNode, Tasks

Rows = Callable[..., list[Any]]


def started(mine: Tasks, **wish: Any) -> tuple[UUID, UUID]:
    """A task's id and its run's, begun by the node."""
    task = mine.create(**wish)
    assert task.run_id is not None
    mine.node.begin(task.run_id)
    return task.id, task.run_id


def pieces(*texts: str) -> list[LogPiece]:
    return [(None, "stdout", datetime.now(UTC), message) for message in texts]


def log_of(rows: Rows, run_id: UUID) -> list[tuple[int, str]]:
    return rows("SELECT seq, message FROM run_logs WHERE run_id = :id ORDER BY seq", id=run_id)


def test_a_run_is_begun_once_however_often_the_answer_is_lost(mine: Tasks, node: PlainNode) -> None:
    task_id, run_id = started(mine)
    assert node.begin(run_id) == node.begin(run_id)
    assert mine.get(task_id).attempts == 1


def test_another_process_of_the_same_node_name_cannot_write(mine: Tasks, node: PlainNode, unit: Open) -> None:
    task_id, run_id = started(mine, commands=["one", "two"])
    other = node.another()
    report = JobReport(0, "completed", exit_code=0)
    attempts: list[Callable[[], Any]] = [
        lambda: other.begin(run_id),
        lambda: other.end(run_id),
        lambda: other.give_back(run_id),
        lambda: act(unit, execution.append_log, run_id, other.holder, LogBatch(0, pieces("stale"))),
        lambda: act(unit, execution.next_job, run_id, other.holder, report, LogBatch(0, [])),
    ]
    for attempt in attempts:
        with pytest.raises(Fenced):
            attempt()
    assert mine.status(mine.get(task_id)) == ["running"]


def act(unit: Open, function: Callable[..., Any], *arguments: Any) -> Any:
    with unit(SYSTEM) as work:
        return function(work, *arguments)


def test_a_log_batch_is_stored_once_however_often_it_is_sent(mine: Tasks, unit: Open, rows: Rows) -> None:
    _, run_id = started(mine)
    first = LogBatch(0, pieces("a", "b"))
    for _ in range(2):
        act(unit, execution.append_log, run_id, mine.node.holder, first)
    act(unit, execution.append_log, run_id, mine.node.holder, LogBatch(0, [*first.pieces, *pieces("c")]))
    act(unit, execution.append_log, run_id, mine.node.holder, LogBatch(3, pieces("d")))
    assert log_of(rows, run_id) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


def test_a_job_is_reported_once_however_often_the_answer_is_lost(mine: Tasks, unit: Open, rows: Rows) -> None:
    task_id, run_id = started(mine, commands=["one", "two"])
    report, lines = JobReport(0, "completed", exit_code=0, stdout="out"), LogBatch(0, pieces("out"))
    for _ in range(3):
        act(unit, execution.next_job, run_id, mine.node.holder, report, lines)
    assert log_of(rows, run_id) == [(1, "out")]
    with unit(SYSTEM) as work:
        assert [job.status for job in runs.jobs_of(work, run_id)] == ["completed", "running"]
    mine.node.end(run_id, position=1)
    with pytest.raises(Fenced):
        mine.node.end(run_id, position=1)
    assert mine.get(task_id).status == "completed"


def test_a_run_given_back_goes_on_as_a_second_one(mine: Tasks, node: PlainNode) -> None:
    task_id, run_id = started(mine)
    node.give_back(run_id)
    task = mine.get(task_id)
    assert (task.status, task.attempts) == ("queued", 2)
    with pytest.raises(Fenced):
        node.end(run_id)
    mine.finish(task)
    assert mine.get(task_id).status == "completed"


def test_what_a_dead_worker_held_is_taken_over_and_the_dead_one_is_fenced(
    mine: Tasks, node: PlainNode, unit: Open, rows: Rows
) -> None:
    task_id, run_id = started(mine)
    worker_has(unit, run_id, heartbeat_age_s=9)
    assert act(unit, execution.recover, 8.0) >= 1
    task = mine.get(task_id)
    assert (task.status, task.attempts) == ("queued", 2)
    assert rows("SELECT status, error->>'code' FROM runs WHERE id = :id", id=run_id) == [("failed", "node_lost")]
    with pytest.raises(Fenced):
        node.end(run_id)
    assert mine.get(task_id).status == "queued"


def test_what_a_living_worker_holds_is_left_alone(mine: Tasks, unit: Open) -> None:
    task_id, run_id = started(mine)
    worker_has(unit, run_id, heartbeat_age_s=3)
    act(unit, execution.recover, 8.0)
    assert mine.get(task_id).attempts == 1


def test_a_job_fetched_and_never_begun_goes_back_into_the_queue(mine: Tasks, unit: Open, rows: Rows) -> None:
    task = mine.create()
    assert task.run_id is not None
    worker_has(unit, task.run_id, heartbeat_age_s=9)
    act(unit, execution.recover, 8.0)
    query = "SELECT job.status FROM procrastinate_jobs job JOIN runs ON runs.queue_job_id = job.id WHERE runs.id = :id"
    assert rows(query, id=task.run_id) == [("todo",)]
    assert mine.get(task.id).attempts == 1, "it never began, so it is still the first attempt"


def test_a_run_that_its_living_node_forgot_is_put_back(mine: Tasks, unit: Open) -> None:
    task_id, run_id = started(mine)
    with unit(SYSTEM) as work:
        assert run_id in holding.held_by(work, mine.node.holder)
    act(unit, execution.reclaim, {run_id})
    assert (mine.get(task_id).status, mine.get(task_id).attempts) == ("queued", 2)
    act(unit, execution.reclaim, {run_id})
    assert mine.get(task_id).attempts == 2, "the second time there is nothing to put back"


def test_a_task_that_kills_its_nodes_is_failed_in_the_end(mine: Tasks, node: PlainNode, unit: Open) -> None:
    task = mine.create()
    for _ in range(MOST_LOSSES):
        run_id = mine.get(task.id).run_id
        assert run_id is not None
        node.begin(run_id)
        act(unit, execution.reclaim, {run_id})
    ended = mine.get(task.id)
    assert (ended.status, ended.attempts) == ("failed", MOST_LOSSES)
    assert ended.error is not None
    assert ended.error["code"] == "node_lost"


def test_a_canceled_run_is_fenced_and_leaves_the_queue(mine: Tasks, node: PlainNode, rows: Rows) -> None:
    task = mine.create()
    mine.call("cancel", task.id)
    assert task.run_id is not None
    with pytest.raises(Fenced):
        node.begin(task.run_id)
    job = "SELECT count(*) FROM procrastinate_jobs WHERE args->>'run_id' = :id"
    assert rows(job, id=str(task.run_id)) == [(0,)]
    task_id, run_id = started(mine)
    mine.call("cancel", task_id)
    with pytest.raises(Fenced):
        node.end(run_id)
    assert mine.get(task_id).status == "canceled"


def test_what_refers_to_a_task_does_not_wait_for_who_changes_it(mine: Tasks, database: Database, unit: Open) -> None:
    task_id, _ = started(mine)
    with unit(mine.actor) as work, database.engine.connect() as other:
        tasks.for_change(work, task_id)
        other.execute(text("SELECT 1 FROM tasks WHERE id = :id FOR KEY SHARE NOWAIT"), {"id": task_id}).one()


def test_the_queue_gives_out_by_priority_then_by_age(mine: Tasks, unit: Open, rows: Rows) -> None:
    with unit(SYSTEM) as work:
        work.session.execute(text("DELETE FROM procrastinate_jobs"))
    names = {"low": -5, "first": 0, "second": 0, "high": 50, "raised": 0}
    created = {name: mine.create(priority=priority) for name, priority in names.items()}
    with unit(mine.actor) as work:
        tasks.change(work, tasks.for_change(work, created["raised"].id), TaskPatch(priority=99))
    order = []
    with unit(SYSTEM) as work:
        worker = work.session.execute(text("SELECT * FROM procrastinate_register_worker_v1()")).scalar_one()
        fetch = text("SELECT args->>'run_id' FROM procrastinate_fetch_job_v2(NULL, :worker)")
        order = [work.session.execute(fetch, {"worker": worker}).scalar_one() for _ in names]
    by_run = {str(task.run_id): name for name, task in created.items()}
    assert [by_run[run_id] for run_id in order] == ["raised", "high", "first", "second", "low"]


def worker_has(unit: Open, run_id: UUID, heartbeat_age_s: float) -> None:
    """Marks the run's job as fetched by a worker last heard of so long ago."""
    with unit(SYSTEM) as work:
        worker = work.session.execute(
            text(
                "INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - make_interval(secs => :age)) RETURNING id"
            ),
            {"age": heartbeat_age_s},
        ).scalar_one()
        fetched = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE args->>'run_id' = :run"
        work.session.execute(text(fetched), {"worker": worker, "run": str(run_id)})
