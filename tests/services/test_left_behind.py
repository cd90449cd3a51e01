"""What nodes did beside runs when they were killed: begun anew a few times, then given up and said so."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from gateway import registry
from gateway.core import queue
from gateway.core.clock import new_id
from gateway.core.identity import SYSTEM, Actor
from gateway.features.runs import service_background as background
from gateway.features.schedules import service_views
from tests.services.conftest import Open, Tasks
from tests.services.test_connector_locks import made
from tests.services.test_fencing import worker_has

Rows = Callable[..., list[Any]]
LOST, GIVEN_UP = (
    {name: act for door in registry.doors("jobs") for name, act in getattr(door, which, {}).items()}
    for which in ("LOST", "GIVEN_UP")
)


@pytest.fixture(autouse=True)
def empty_queue(unit: Open) -> None:
    with unit(SYSTEM) as work:
        work.session.execute(text("DELETE FROM procrastinate_jobs"))


def begun(unit: Open, name: str, *, tries: int = 0, heard_of_s: float | None = None, **args: Any) -> int:
    """A job that a worker has fetched, last heard of so long ago; None: its row is gone."""
    with unit(SYSTEM) as work:
        job_id = queue.defer(work.session, name, args)
        worker = (
            "INSERT INTO procrastinate_workers (last_heartbeat) SELECT now() - make_interval(secs => :age) RETURNING id"
        )
        worker_id = work.session.scalar(text(worker), {"age": heard_of_s}) if heard_of_s is not None else None
        fetched = (
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker, attempts = :tries WHERE id = :id"
        )
        work.session.execute(text(fetched), {"worker": worker_id, "tries": tries, "id": job_id})
    return job_id


def take_up(unit: Open) -> tuple[int, list[str]]:
    with unit(SYSTEM) as work:
        return background.take_up(work, LOST, GIVEN_UP)


def in_queue(rows: Rows) -> dict[int, tuple[str, int]]:
    found = rows("SELECT id, status::text, attempts FROM procrastinate_jobs")
    return {job_id: (status, attempts) for job_id, status, attempts in found}


def test_what_a_dead_worker_did_is_begun_anew_and_what_a_living_one_does_is_not(unit: Open, rows: Rows) -> None:
    silent = begun(unit, "retention_policies.purge", sort="events", heard_of_s=9)
    gone = begun(unit, "runs.export", run_id=str(new_id()))
    at_work = begun(unit, "retention_policies.purge", sort="tasks", heard_of_s=3)
    assert take_up(unit) == (2, [])
    assert in_queue(rows) == {silent: ("todo", 1), gone: ("todo", 1), at_work: ("doing", 0)}
    assert take_up(unit) == (0, [])


def test_what_was_to_be_stopped_is_over(unit: Open, rows: Rows) -> None:
    job_id = begun(unit, "tasks.run", run_id=str(new_id()))
    with unit(SYSTEM) as work:
        queue.abort(work.session, job_id)
    assert take_up(unit) == (0, [])
    assert in_queue(rows) == {}


def test_the_place_of_an_open_run_is_left_to_its_task(mine: Tasks, unit: Open) -> None:
    task = mine.create()
    assert task.run_id is not None
    worker_has(unit, task.run_id, heartbeat_age_s=9)
    assert take_up(unit) == (0, [])
    with unit(SYSTEM) as work:
        work.session.execute(text("UPDATE runs SET status = 'completed' WHERE id = :id"), {"id": task.run_id})
    assert take_up(unit) == (1, []), "its node was killed before the place was free"


def test_putting_back_what_is_gone_changes_nothing(unit: Open, rows: Rows) -> None:
    with unit(SYSTEM) as work:
        queue.requeue(work.session, 0)
    assert in_queue(rows) == {}


@pytest.mark.parametrize(("status", "said"), [("queued", "was not done"), ("running", "is not known")])
def test_an_operation_that_costs_its_nodes_ends_as_failed(
    unit: Open, alice: Actor, rows: Rows, status: str, said: str
) -> None:
    _, operation_id = made(unit, alice, status)
    begun(unit, "connectors.operate", operation_id=str(operation_id), tries=2)
    assert take_up(unit) == (0, ["connectors.operate"])
    [[then, error]] = rows("SELECT status, error FROM connector_operations WHERE id = :id", id=operation_id)
    assert (then, error["code"]) == ("failed", "node_lost")
    assert said in error["message"]
    assert in_queue(rows) == {}


def test_an_operation_that_was_begun_is_not_done_twice_and_one_that_was_not_waits(
    unit: Open, alice: Actor, rows: Rows
) -> None:
    _, running = made(unit, alice, "running")
    _, queued = made(unit, alice, "queued")
    for operation_id in (running, queued):
        begun(unit, "connectors.operate", operation_id=str(operation_id))
    assert take_up(unit) == (2, [])
    found = rows(
        "SELECT id, status, error->>'code' FROM connector_operations WHERE id IN (:a, :b)", a=running, b=queued
    )
    assert {tuple(row) for row in found} == {(running, "failed", "node_lost"), (queued, "queued", None)}


@pytest.mark.parametrize(
    ("name", "args", "told"),
    [
        ("providers.prepare", {"model": "local/x"}, "SELECT data->>'model' FROM events WHERE name = 'model.failed'"),
        ("retention_policies.purge", {"sort": "events"},
         "SELECT action FROM audit_records WHERE reason LIKE 'purging events was given up%'"),
    ],
)  # fmt: skip
def test_what_is_given_up_is_told(unit: Open, rows: Rows, name: str, args: dict[str, Any], told: str) -> None:
    begun(unit, name, tries=2, **args)
    assert take_up(unit) == (0, [name])
    assert in_queue(rows) == {}
    assert rows(told)


def test_a_test_of_a_provider_that_is_given_up_is_answered(unit: Open, rows: Rows) -> None:
    provider_id, test_id = uuid.uuid4(), str(new_id())
    with unit(SYSTEM) as work:
        work.session.execute(
            text(
                "INSERT INTO providers (id, name, kind, enabled, version, created_at, updated_at)"
                " VALUES (:id, :name, 'ollama', false, 1, now(), now())"
            ),
            {"id": provider_id, "name": provider_id.hex},
        )
    begun(unit, "providers.test", tries=2, provider_id=str(provider_id), test_id=test_id)
    take_up(unit)
    [[found]] = rows("SELECT last_test FROM providers WHERE id = :id", id=provider_id)
    assert (found["test_id"], found["ok"]) == (test_id, False)


def test_the_queue_shows_it_to_who_sees_all_of_it(unit: Open, alice: Actor) -> None:
    begun(unit, "retention_policies.purge", sort="events")
    begun(unit, "retention_policies.purge", sort="tasks", heard_of_s=1)
    with unit(SYSTEM) as work:
        work.defer("runs.export", {"run_id": str(new_id())})
        work.defer("tasks.run", {"run_id": str(new_id())})
        shown = service_views.queue(work).background
    assert [(each.name, each.waiting, each.running, each.lost) for each in shown] == [
        ("retention_policies.purge", 0, 1, 1),
        ("runs.export", 1, 0, 0),
    ]
    with unit(alice) as work:
        assert service_views.queue(work).background == []
