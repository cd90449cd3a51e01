"""A task starts when everything it waits for is completed, and is canceled when that cannot happen any more."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.errors import Conflict, Invalid
from gateway.core.identity import Actor
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open, Tasks
from tests.services.meanwhile import Meanwhile


def test_the_end_of_a_diamond_starts_once_both_sides_are_completed(mine: Tasks) -> None:
    top = mine.create()
    left, right = (mine.create(depends_on=[top.id]) for _ in range(2))
    bottom = mine.create(depends_on=[left.id, right.id])
    assert mine.status(top, left, right, bottom) == ["queued", "waiting", "waiting", "waiting"]
    mine.finish(top)
    assert mine.status(left, right, bottom) == ["queued", "queued", "waiting"]
    mine.finish(left)
    assert mine.status(bottom) == ["waiting"]
    mine.finish(right)
    assert mine.status(bottom) == ["queued"]
    mine.finish(bottom)
    assert mine.get(bottom.id).attempts == 1


def test_what_is_completed_already_need_not_be_waited_for(mine: Tasks) -> None:
    done, open_one = mine.in_status("completed"), mine.create()
    assert mine.create(depends_on=[done.id]).status == "queued"
    assert mine.create(depends_on=[done.id, open_one.id]).status == "waiting"


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_nothing_can_wait_for_what_will_not_complete(mine: Tasks, status: str) -> None:
    with pytest.raises(Invalid, match="will not complete") as refused:
        mine.create(depends_on=[mine.in_status(status).id])
    assert refused.value.errors[0]["field"] == "depends_on"


def test_a_strangers_or_unknown_task_cannot_be_waited_for(mine: Tasks, unit: Open, bob: Actor) -> None:
    theirs = Tasks(unit, bob, mine.node).create()
    for task_id in (theirs.id, uuid4()):
        with pytest.raises(Invalid, match="not yours"):
            mine.create(depends_on=[task_id])


@pytest.mark.parametrize("ending", ["failed", "canceled"])
def test_a_chain_ends_with_its_head_and_says_why(mine: Tasks, ending: str) -> None:
    head = mine.create(name="head")
    middle = mine.create(name="middle", depends_on=[head.id])
    tail = mine.create(depends_on=[middle.id])
    if ending == "failed":
        mine.finish(head, "failed")
    else:
        mine.call("cancel", head.id)
    assert mine.status(head, middle, tail) == [ending, "canceled", "canceled"]
    for task, cause in ((middle, head), (tail, middle)):
        error = mine.get(task.id).error
        assert error is not None
        assert error["code"] == "dependency_not_completed"
        assert mine.get(cause.id).name in error["message"]


def test_a_very_long_chain_is_canceled_as_a_whole(mine: Tasks, unit: Open) -> None:
    with unit(mine.actor) as work:
        chain = [tasks.create(work, TaskIn(commands=["true"]))]
        for _ in range(350):
            wish = TaskIn(commands=["true"], depends_on=[chain[-1].id])
            chain.append(tasks.create(work, wish))
            work.session.flush()
    mine.call("cancel", chain[0].id)
    assert mine.status(chain[1], chain[175], chain[-1]) == ["canceled"] * 3


def test_dependents_are_retried_after_what_they_depend_on(mine: Tasks) -> None:
    head = mine.create(name="the-head")
    tail = mine.create(depends_on=[head.id])
    mine.finish(head, "failed")
    with pytest.raises(Conflict, match="retry that first"):
        mine.call("retry", tail.id)
    assert mine.call("retry", head.id).status == "queued"
    assert mine.call("retry", tail.id).status == "waiting"
    mine.finish(head)
    assert mine.status(tail) == ["queued"]
    mine.finish(tail)
    assert mine.call("retry", tail.id).status == "queued", "its dependency is completed and stays so"


def test_what_a_task_depends_on_is_locked_before_it(mine: Tasks, database: Database) -> None:
    head = mine.in_status("completed")
    tail = mine.create(depends_on=[head.id])
    mine.call("cancel", tail.id)
    assert_order(database, lambda: mine.call("retry", tail.id), held=head.id, free=tail.id)
    assert mine.status(tail) == ["queued"]


def test_what_waits_further_below_is_locked_in_the_same_order(mine: Tasks, database: Database) -> None:
    head = mine.create()
    near = mine.create(depends_on=[head.id])
    further = mine.create(depends_on=[near.id])
    both = mine.create(depends_on=[head.id, further.id])
    assert_order(database, lambda: mine.call("cancel", head.id), held=further.id, free=both.id)
    assert mine.status(near, further, both) == ["canceled"] * 3


def assert_order(database: Database, act: Callable[[], object], *, held: UUID, free: UUID) -> None:
    """While one task is held, what is done waits for it and holds none that comes after it."""
    acting = Meanwhile(database, act)
    lock = "SELECT 1 FROM tasks WHERE id = :id FOR UPDATE"
    with database.engine.connect() as other:
        other.execute(text(lock), {"id": held})
        acting.waits()
        other.execute(text(f"{lock} NOWAIT"), {"id": free})
    assert not isinstance(acting.ends(), Exception)
