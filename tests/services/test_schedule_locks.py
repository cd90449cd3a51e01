"""What is done to a schedule at once waits for its turn, and then goes by what was left there."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from gateway.core.clock import new_id
from gateway.core.errors import NotFound
from gateway.features.projects import service as projects
from gateway.features.projects.schemas import ProjectIn, ProjectPatch
from gateway.features.schedules import service, service_standing
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


@pytest.mark.parametrize(
    ("by", "change", "wanted"),
    [
        ("a zone", "cron = '30 7 * * *'", "07:30"),
        ("a zone", "enabled = false", None),
        ("a correction", "cron = '30 7 * * *'", "07:30"),
    ],
)
def test_who_sets_clocks_anew_goes_by_what_was_changed_meanwhile(
    world: World, by: str, change: str, wanted: str | None
) -> None:
    project = world.call(projects.create, ProjectIn(slug=f"z-{new_id().hex[-12:]}"))
    made = world.make(cron="0 9 * * *", project_id=project.id)
    world.ticker.follow()
    if by == "a zone":
        tokyo = ProjectPatch(time_zone="Asia/Tokyo")
        world.call(lambda work: projects.change(work, projects.for_change(work, project.id), tokyo))
        setting = Meanwhile(world.database, world.ticker.follow)
    else:
        earlier = world.at - timedelta(hours=4)
        setting = Meanwhile(world.database, lambda: world.call(service_standing.look, earlier))
    with world.database.engine.connect() as other:
        for table, key in (("schedules", "id"), ("schedule_states", "schedule_id")):
            other.execute(text(f"SELECT 1 FROM {table} WHERE {key} = :id FOR NO KEY UPDATE"), {"id": made.id})
        setting.waits()
        other.execute(text(f"UPDATE schedules SET version = version + 1, {change} WHERE id = :id"), {"id": made.id})
        left = {"id": made.id, "planned_at": made.state.next_planned_at if wanted else None}
        for column in ("next_planned_at", "due_at"):
            other.execute(text(f"UPDATE schedule_states SET {column} = :planned_at WHERE schedule_id = :id"), left)
        other.commit()
    assert not isinstance(setting.ends(), Exception)
    shown = world.look(made).next_planned_at
    zone = ZoneInfo("Asia/Tokyo" if by == "a zone" else "UTC")
    assert (shown.astimezone(zone).strftime("%H:%M") if shown else None) == wanted
