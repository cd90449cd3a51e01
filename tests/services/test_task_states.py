"""Tasks, runs and jobs only take the steps of their life cycles, whoever asks."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.errors import Conflict, Forbidden, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.features.runs import service as runs
from gateway.features.runs import state as run_state
from gateway.features.tasks import lifecycle, queries
from gateway.features.tasks import service as tasks
from gateway.features.tasks import state as task_state
from gateway.features.tasks.schemas import TaskPatch
from tests.services.conftest import Open, PlainNode, Tasks

STATUSES = ("queued", "waiting", "running", "completed", "failed", "canceled")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATUSES, STATUSES)))
def test_a_task_takes_allowed_steps_and_no_other(mine: Tasks, unit: Open, before: str, after: str) -> None:
    task = mine.in_status(before)
    allowed = after in task_state.TASK[before]
    try:
        with unit(SYSTEM) as work:
            row = queries.locked(work.session, task.id)
            assert row is not None
            lifecycle.step(work, row, after, "because the test says so")
    except AssertionError:
        assert not allowed
        assert mine.status(task) == [before]
    else:
        assert allowed
        assert mine.status(task) == [after]


@pytest.mark.parametrize("status", STATUSES)
def test_cancel_works_until_a_task_is_finished(mine: Tasks, status: str) -> None:
    task = mine.in_status(status)
    if status in task_state.FINISHED:
        with pytest.raises(Conflict, match=f"is {status} already"):
            mine.call("cancel", task.id)
    else:
        assert mine.call("cancel", task.id).status == "canceled"
        assert mine.get(task.id).error == {"code": "canceled", "message": "Canceled by alice."}


@pytest.mark.parametrize("status", STATUSES)
def test_retry_and_delete_work_once_a_task_is_finished(mine: Tasks, status: str) -> None:
    task, doomed = mine.in_status(status), mine.in_status(status)
    if status not in task_state.FINISHED:
        for act in ("retry", "remove"):
            with pytest.raises(Conflict) as refused:
                mine.call(act, task.id)
            assert refused.value.code == "task_not_finished"
        return
    retried = mine.call("retry", task.id)
    assert (retried.status, retried.attempts) == ("queued", 2)
    assert retried.run_id != task.run_id
    mine.call("remove", doomed.id)
    with pytest.raises(NotFound):
        mine.get(doomed.id)


@pytest.mark.parametrize("status", STATUSES)
def test_a_task_is_changed_only_while_it_is_not_finished(mine: Tasks, unit: Open, status: str) -> None:
    task = mine.in_status(status)
    patch = TaskPatch(tags=["new"], priority=7)

    def change() -> Any:
        with unit(mine.actor) as work:
            return tasks.change(work, tasks.for_change(work, task.id), patch)

    if status in task_state.FINISHED:
        with pytest.raises(Conflict, match="only an unfinished task"):
            change()
    else:
        changed = change()
        assert (changed.tags, changed.priority, changed.version) == (["new"], 7, task.version + 1)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(run_state.RUN, run_state.RUN)))
def test_a_run_takes_allowed_steps_and_no_other(mine: Tasks, unit: Open, before: str, after: str) -> None:
    task_status = {"pending": "queued"}.get(before, before)
    run_id = mine.in_status(task_status).run_id
    assert run_id is not None
    if after not in run_state.FINISHED:
        assert after not in run_state.RUN[before] or (before, after) == ("pending", "running")
        return
    try:
        with unit(SYSTEM) as work:
            run = runs.get(work, run_id)
            assert run.status == before
            runs.finish(work, run, after)
    except AssertionError:
        assert after not in run_state.RUN[before]
    else:
        assert after in run_state.RUN[before]


@pytest.mark.parametrize("ending", ["completed", "failed", "canceled"])
def test_jobs_that_never_ran_say_so(mine: Tasks, node: PlainNode, unit: Open, ending: str) -> None:
    task = mine.create(commands=["one", "two", "three"])
    assert task.run_id is not None
    node.begin(task.run_id)
    if ending == "canceled":
        mine.call("cancel", task.id)
    else:
        node.end(task.run_id, ending)
    with unit(SYSTEM) as work:
        found = [job.status for job in runs.jobs_of(work, task.run_id)]
    first = {"canceled": "canceled"}.get(ending, ending)
    rest = "canceled" if ending == "canceled" else "skipped"
    assert found == [first, rest, rest]


def test_every_step_is_in_the_history_with_actor_and_reason(mine: Tasks, unit: Open, node: PlainNode) -> None:
    task = mine.create()
    mine.finish(task, "failed")
    mine.call("retry", task.id)
    mine.call("cancel", task.id)
    with unit(mine.actor) as work:
        query = tasks.history(work, task.id)
        steps = [(row.before, row.after, row.actor) for row in work.session.scalars(query.order_by("id"))]
    assert steps == [
        (None, "queued", "alice"),
        ("queued", "running", "system"),
        ("running", "failed", "system"),
        ("failed", "queued", "alice"),
        ("queued", "canceled", "alice"),
    ]


def test_another_person_can_neither_see_nor_touch_a_task(mine: Tasks, unit: Open, bob: Actor) -> None:
    task = mine.create()
    theirs = Tasks(unit, bob, mine.node)
    for act in ("get", "cancel", "retry", "remove", "for_change", "for_files", "history", "result"):
        with pytest.raises(NotFound):
            theirs.call(act, task.id)
    assert mine.status(task) == ["queued"]


def test_who_may_only_look_creates_nothing_and_the_denial_is_on_record(
    unit: Open, charlie: Actor, node: PlainNode, rows: Callable[..., list[Any]]
) -> None:
    before = rows("SELECT count(*) FROM tasks")
    with pytest.raises(Forbidden):
        Tasks(unit, charlie, node).create()
    assert rows("SELECT count(*) FROM tasks") == before
    query = "SELECT action, decision FROM audit_records WHERE actor = 'charlie' ORDER BY id DESC LIMIT 1"
    assert rows(query) == [("tasks.create", "deny")]
