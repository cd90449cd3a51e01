"""What is done to a schedule at once waits for its turn, and then goes by what was left there."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from gateway.core.errors import NotFound
from gateway.features.schedules import service
from tests.services.meanwhile import Meanwhile
from tests.services.schedule_world import World


def hold(other: Connection, schedule_id: Any) -> None:
    other.execute(text("SELECT 1 FROM schedules WHERE id = :id FOR UPDATE"), {"id": schedule_id})


@pytest.mark.parametrize("step", ["run_now", "skip_next", "remove"])
def test_the_schedule_comes_before_its_state(world: World, step: str) -> None:
    made = world.make()
    acting = Meanwhile(world.database, lambda: world.call(getattr(service, step), made.id))
    with world.database.engine.connect() as other:
        hold(other, made.id)
        acting.waits()
        other.execute(
            text("SELECT 1 FROM schedule_states WHERE schedule_id = :id FOR UPDATE NOWAIT"), {"id": made.id}
        ).scalar_one()
    assert not isinstance(acting.ends(), Exception)


def test_one_that_is_deleted_meanwhile_is_not_there(world: World) -> None:
    made = world.make()
    acting = Meanwhile(world.database, lambda: world.call(service.run_now, made.id))
    with world.database.engine.connect() as other:
        hold(other, made.id)
        acting.waits()
        other.execute(text("DELETE FROM schedules WHERE id = :id"), {"id": made.id})
        other.commit()
    assert isinstance(acting.ends(), NotFound)


def test_who_waited_goes_by_what_was_left(world: World) -> None:
    made = world.make()
    changing = Meanwhile(world.database, lambda: world.change(made, overlap="queue"))
    with world.database.engine.connect() as other:
        hold(other, made.id)
        changing.waits()
        other.execute(text("UPDATE schedules SET version = version + 1, name = 'new' WHERE id = :id"), {"id": made.id})
        other.commit()
    assert not isinstance(changing.ends(), Exception)
    firing = Meanwhile(world.database, lambda: world.call(service.run_now, made.id))
    with world.database.engine.connect() as other:
        hold(other, made.id)
        firing.waits()
        other.execute(
            text("UPDATE schedules SET version = version + 1, name = 'newer' WHERE id = :id"), {"id": made.id}
        )
        other.commit()
    firing.ends()
    assert (world.look(made).overlap, [task.name for task in world.tasks(made)]) == ("queue", ["newer"])
