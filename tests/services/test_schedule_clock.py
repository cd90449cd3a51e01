"""What the clock makes of time: firing once, catching up, sleep, jumps, triggers, and failures in a row."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.clock import new_id, now
from gateway.core.identity import SYSTEM
from gateway.features.access import service_roles
from gateway.features.access.schemas import BindingIn
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens
from gateway.features.projects import service as projects
from gateway.features.projects.schemas import ProjectIn
from gateway.features.schedules import service, service_standing
from gateway.features.schedules.models import Schedule
from tests.services.conftest import Open, Tasks
from tests.services.meanwhile import Meanwhile
from tests.services.schedule_world import World

Rows = Callable[..., list[Any]]


def counted(world: World, schedule: Schedule) -> dict[str, int]:
    return dict(Counter(f"{outcome} {cause}" for outcome, cause in world.outcomes(schedule)))


def finish(world: World, mine: Tasks, schedule: Schedule, status: str = "completed") -> None:
    """Lets a node end the newest task of a schedule, and the clock hear of it."""
    mine.finish(mine.get(world.tasks(schedule)[-1].id), status)
    world.wake()


def test_each_planned_time_is_fired_when_it_comes(world: World, mine: Tasks) -> None:
    made = world.make()
    first = world.look(made).next_planned_at
    assert world.wake() == first, "that is when the clock wakes next"
    world.wait(minutes=59, seconds=59)
    assert world.runs(made) == []
    world.wait(seconds=1)
    finish(world, mine, made)
    world.wait(hours=1)
    assert counted(world, made) == {"fired planned": 2}
    run = world.runs(made)[0]
    assert (run.planned_at, run.fired_at, run.result) == (first, first, "completed")
    (event, _) = world.events("schedule.fired")
    assert (event.task_id, event.data["late_s"], event.data["cause"]) == (run.task_id, 0, "planned")
    (ended,) = world.events("schedule.ended")
    assert (ended.task_id, ended.data["result"], ended.data["depth"]) == (run.task_id, "completed", run.depth)


def test_once_fires_once_and_never_again(world: World) -> None:
    made = world.make(at=world.at + timedelta(minutes=5))
    world.wait(minutes=5)
    world.wait(hours=10)
    assert counted(world, made) == {"fired planned": 1}
    assert world.look(made).next_planned_at is None


def test_a_prompt_goes_to_the_agent_and_commands_to_a_node(world: World, rows: Rows) -> None:
    asked = world.make(payload={"kind": "prompt", "prompt": "Water the plants"})
    told = world.make(payload={"kind": "script", "script": {"content": "true"}})
    world.wait(hours=1)
    query = "SELECT jobs.kind FROM jobs JOIN runs ON runs.id = run_id WHERE task_id = :id"
    kinds = [rows(query, id=world.tasks(each)[0].id) for each in (asked, told)]
    assert kinds == [[("model",)], [("script",)]]


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize(
    ("overlap", "catch_up", "wanted"),
    [
        ("skip", "none", {"missed downtime": "all"}),
        ("skip", "one", {"fired catch_up": "one", "missed downtime": "rest"}),
        ("skip", "all", {"fired catch_up": "one", "skipped overlap": "rest"}),
        ("queue", "all", {"fired catch_up": "one"}),
        ("allow", "all", {"fired catch_up": "all"}),
        ("cancel_running", "all", {"fired catch_up": "one", "skipped superseded": "rest"}),
        ("cancel_running", "one", {"fired catch_up": "one", "missed downtime": "rest"}),
    ],
)
def test_sleep_and_clock_jumps_leave_each_planned_time_one_outcome_and_one_digest(
    world: World, overlap: str, catch_up: str, wanted: dict[str, str], count: int
) -> None:
    made = world.make(overlap=overlap, catch_up=catch_up)
    world.wait(minutes=60 * count + 30)
    numbers = {"all": count, "one": 1, "rest": count - 1}
    found = counted(world, made)
    assert found == {key: numbers[each] for key, each in wanted.items() if numbers[each]}
    late = sum(number for key, number in found.items() if not key.startswith("fired"))
    digests = world.events("schedule.missed")
    assert [event.data["count"] for event in digests] == ([late] if late else [])
    assert world.events("schedule.skipped") == []
    assert world.look(made).waiting == (count - 1 if (overlap, catch_up) == ("queue", "all") else 0)


@pytest.mark.soak
@pytest.mark.parametrize("overlap", ["skip", "queue", "allow", "cancel_running"])
@pytest.mark.parametrize("catch_up", ["none", "one", "all"])
def test_a_thousand_missed_times_have_a_thousand_outcomes(world: World, overlap: str, catch_up: str) -> None:
    made = world.make(overlap=overlap, catch_up=catch_up)
    world.wait(minutes=60 * 1000 + 30)
    assert len(world.runs(made)) + world.look(made).waiting == 1000
    assert len(world.events("schedule.missed")) <= 1


def test_one_digest_tells_of_all_schedules(world: World) -> None:
    made = [world.make(name=f"s{number}", catch_up="none") for number in range(5)]
    world.wait(hours=8, minutes=30)
    (event,) = world.events("schedule.missed")
    assert (event.data["count"], event.data["missed"], event.data["schedule_count"]) == (40, 40, 5)
    assert {each["schedule_id"] for each in event.data["schedules"]} == {str(each.id) for each in made}


def test_more_missed_times_than_are_listed_leave_the_newest(world: World) -> None:
    made = world.make(every_s=60, catch_up="none")
    world.wait(days=3650)
    runs = world.runs(made)
    assert len(runs) == 2000
    assert world.at - runs[-1].planned_at < timedelta(minutes=3)


def test_a_clock_that_goes_back_an_hour_fires_nothing_twice(world: World, mine: Tasks) -> None:
    made = world.make()
    world.wait(hours=1)
    finish(world, mine, made)
    for _ in range(6):
        world.wait(minutes=-10)
    for _ in range(7):
        world.wait(minutes=10)
    assert counted(world, made) == {"fired planned": 1}


def test_a_clock_that_was_ten_years_ahead_goes_on_from_the_right_time(world: World) -> None:
    made = world.make(overlap="allow")
    world.wait(days=3650)
    world.wait(days=-3650)
    before = len(world.runs(made))
    for _ in range(3):
        world.wait(hours=1)
    assert len(world.runs(made)) == before + 3, "it does not wait ten years"


def test_a_clock_set_back_by_four_hours_fires_again_only_what_was_not(world: World) -> None:
    made = world.make(overlap="allow")
    for _ in range(5):
        world.wait(hours=1)
    world.wait(hours=-4)
    for _ in range(5):
        world.wait(hours=1)
    planned = [run.planned_at for run in world.runs(made)]
    assert len(planned) == len(set(planned)) == 6


def test_a_run_that_waits_for_the_one_before_has_its_turn(world: World, mine: Tasks) -> None:
    made = world.make(overlap="queue")
    for _ in range(3):
        world.wait(hours=1)
    assert (counted(world, made), world.look(made).waiting) == ({"fired planned": 1}, 2)
    finish(world, mine, made, "failed")
    assert (counted(world, made), world.look(made).waiting) == ({"fired planned": 2}, 1)
    late = world.runs(made)[1]
    assert late.fired_at is not None
    assert late.fired_at - late.planned_at == timedelta(hours=1), "planned then, fired now"
    world.call(service.set_enabled, made.id, False)
    finish(world, mine, made)
    assert counted(world, made) == {"fired planned": 2, "skipped disabled": 1}


def test_a_run_that_takes_the_place_of_the_one_before(world: World, mine: Tasks) -> None:
    made = world.make(overlap="cancel_running")
    world.wait(hours=1)
    world.wait(hours=1)
    world.wake()
    assert [mine.get(task.id).status for task in world.tasks(made)] == ["canceled", "queued"]
    assert [run.result for run in world.runs(made)] == ["canceled", None]


def test_runs_side_by_side(world: World) -> None:
    made = world.make(overlap="allow")
    world.wait(hours=1)
    world.wait(hours=1)
    assert [task.status for task in world.tasks(made)] == ["queued", "queued"]


def test_two_gateways_fire_each_planned_time_once(world: World) -> None:
    made = [world.make(name=f"s{number}", overlap="allow") for number in range(20)]
    for _ in range(3):
        world.at += timedelta(hours=1)
        at_once([world.gateway().tick for _ in range(2)])
    assert {each.id: counted(world, each) for each in made} == {each.id: {"fired planned": 3} for each in made}


def at_once(acts: list[Callable[[], Any]]) -> None:
    """Runs them in threads of their own; what one raises is raised."""
    failures: list[BaseException] = []

    def run(act: Callable[[], Any]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


class Killed(BaseException):
    """What ends a gateway in the middle."""


def test_a_gateway_killed_at_any_statement_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time one statement later; the next gateway goes on."""
    made = world.make(overlap="allow")
    survived = 0
    for statements in range(2, 120, 6):
        world.at += timedelta(hours=1)
        with monkeypatch.context() as patch:
            counter = iter(range(statements))
            original = world.database.engine.dialect.do_execute

            def dying(*arguments: Any, left: Any = counter, original: Any = original, **options: Any) -> None:
                if next(left, None) is None:
                    raise Killed
                original(*arguments, **options)

            patch.setattr(world.database.engine.dialect, "do_execute", dying)
            try:
                world.gateway().tick()
                survived += 1
            except Killed:
                pass
        world.gateway().tick()
    assert survived > 0, "some were not killed at all"
    assert counted(world, made) == {"fired planned": 20}
    assert len({task.id for task in world.tasks(made)}) == 20


def test_the_owner_is_asked_about_at_each_firing(world: World, unit: Open) -> None:
    with unit(SYSTEM) as work:
        dora = identity.create_user(work, f"dora-{new_id().hex[-8:]}", role="member")
        actor = identity.present_user(work, dora.id)
    assert actor is not None
    hers = World(world.database, actor, at=world.at)
    made = hers.make()
    with unit(SYSTEM) as work:
        identity.set_active(work, identity.to_change(work, dora.id), False)
    world.wait(hours=1)
    (run,) = hers.runs(made)
    assert (run.outcome, run.task_id) == ("failed", None)
    assert run.reason == "Its owner may not have it run any more: the account is disabled."


def test_a_schedule_has_no_more_rights_than_the_token_that_made_it(world: World, unit: Open) -> None:
    with unit(world.actor) as work:
        token, secret = service_tokens.create_token(work, "t", ["schedules.*", "tasks.create"], None)
    with unit(SYSTEM) as work:
        actor = identity.agent_of(work, world.actor.user_id, token.id)
    assert actor is not None
    by_token = World(world.database, actor, at=world.at)
    made = by_token.make(overlap="allow")
    world.wait(hours=1)
    with unit(world.actor) as work:
        service_tokens.revoke_token(work, token.id)
    world.wait(hours=1)
    assert [run.outcome for run in world.runs(made)] == ["fired", "failed"]
    assert "revoked" in (world.runs(made)[1].reason or "")
    assert secret
    with unit(world.actor) as work:
        told = service.described(work, service.get(work, made.id)).problem
    assert "revoked" in (told or "")


def test_one_schedule_that_fails_does_not_hold_up_the_others(world: World, unit: Open) -> None:
    good, bad = world.make(), world.make(payload={"kind": "commands", "commands": ["true"], "timeout_s": 5})
    with world.database.sessions() as session:
        session.get_one(Schedule, bad.id).payload = {"kind": "commands", "commands": "no list"}
        session.commit()
    world.wait(hours=1)
    assert counted(world, good) == {"fired planned": 1}
    (run,) = world.runs(bad)
    assert run.outcome == "failed"
    assert run.reason == "What it does is no task any more: commands: it must be a list."
    (event,) = world.events("schedule.failed")
    assert event.data["schedule_id"] == str(bad.id)


def test_failures_in_a_row_are_told_of_with_a_pause_and_end_the_schedule(world: World, mine: Tasks) -> None:
    made = world.make(alert_after=2, alert_cooldown_s=3600, disable_after=4)
    for _ in range(4):
        world.wait(hours=1)
        finish(world, mine, made, "failed")
    shown = world.look(made)
    assert (shown.enabled, shown.next_planned_at) == (False, None)
    assert shown.disabled_reason == "It failed 4 times in a row; the last time: It exited with 1."
    told = [event.data["failures_in_a_row"] for event in world.events("schedule.failing")]
    assert told == [2], "the next ones came within the pause"
    assert [event.data["failures_in_a_row"] for event in world.events("schedule.disabled")] == [4]
    assert world.call(service.set_enabled, made.id, True).state.failures == 0


def test_a_success_begins_the_count_anew(world: World, mine: Tasks) -> None:
    made = world.make(alert_after=2)
    for status in ("failed", "completed", "failed"):
        world.wait(hours=1)
        finish(world, mine, made, status)
    assert world.look(made).failures_in_a_row == 1
    assert world.events("schedule.failing") == []


def test_an_event_has_a_schedule_run(world: World, mine: Tasks) -> None:
    trigger = {"kind": "event", "pattern": "task.failed", "filter": {"tags": ["watched"]}}
    made = world.make(trigger=trigger)
    mine.finish(mine.create(tags=["other"]), "failed")
    mine.finish(mine.create(tags=["watched"]), "completed")
    mine.finish(mine.create(tags=["watched", "other"]), "failed")
    world.wake()
    assert counted(world, made) == {"fired event:task.failed": 1}


def test_data_of_an_event_can_be_asked_for(world: World, mine: Tasks) -> None:
    made = world.make(trigger={"kind": "event", "pattern": "job.*", "filter": {"data": {"exit_code": 1}}})
    mine.finish(mine.create(), "completed")
    mine.finish(mine.create(), "failed")
    world.wake()
    assert counted(world, made) == {"fired event:job.failed": 1}, "a command's exit in the sandbox"


def test_events_of_others_have_nothing_run(world: World, unit: Open, bob: Any, node: Any) -> None:
    made = world.make(trigger={"kind": "event", "pattern": "task.*"})
    his = Tasks(unit, bob, node)
    his.finish(his.create())
    world.wake()
    assert world.runs(made) == []


def test_a_schedule_does_not_set_itself_off(world: World, mine: Tasks) -> None:
    made = world.make(trigger={"kind": "event", "pattern": "**"}, overlap="allow")
    mine.create()
    for _ in range(5):
        world.wait(seconds=1)
    causes = Counter(run.cause for run in world.runs(made))
    assert causes == {"event:task.created": 1}


def test_schedules_that_set_each_other_off_come_to_an_end(world: World) -> None:
    made = [world.make(trigger={"kind": "event", "pattern": "schedule.fired"}, overlap="allow") for _ in range(2)]
    start = world.make()
    world.call(service.run_now, start.id)
    for _ in range(30):
        world.wait(seconds=1)
    depths = [run.depth for each in made for run in world.runs(each) if run.outcome == "fired"]
    assert max(depths) == 8
    skipped = [run.reason for each in made for run in world.runs(each) if run.outcome == "skipped"]
    assert skipped[0] == "8 firings before it caused each other"
    settled = len(depths)
    for _ in range(5):
        world.wait(seconds=1)
    assert sum(run.outcome == "fired" for each in made for run in world.runs(each)) == settled


@pytest.mark.parametrize("refused", [True, False], ids=["no task", "a task that fails"])
def test_schedules_that_run_by_each_others_failures_come_to_an_end(world: World, mine: Tasks, refused: bool) -> None:
    made = [
        world.make(
            trigger={"kind": "event", "pattern": "schedule.failing"},
            overlap="allow", alert_after=1, alert_cooldown_s=0,
        )
        for _ in range(2)
    ]  # fmt: skip
    if refused:
        with world.database.sessions() as session:
            for each in made:
                session.get_one(Schedule, each.id).payload = {"kind": "commands", "commands": "no list"}
            session.commit()
    start = world.make(alert_after=1)
    world.call(service.run_now, start.id)
    finish(world, mine, start, "failed")
    for _ in range(20):
        world.wait(seconds=1)
        for task in (task for each in made for task in world.tasks(each) if task.status == "queued"):
            mine.finish(mine.get(task.id), "failed")
    runs = [run for each in made for run in world.runs(each)]
    assert max(run.depth for run in runs if run.outcome != "skipped") == 8
    assert {run.reason for run in runs if run.outcome == "skipped"} == {"8 firings before it caused each other"}
    assert {event.data["depth"] for event in world.events("schedule.failing")} == set(range(9))


def test_who_is_disabled_says_after_how_many_firings(world: World, mine: Tasks) -> None:
    made = world.make(trigger={"kind": "event", "pattern": "schedule.fired"}, disable_after=1)
    start = world.make()
    world.call(service.run_now, start.id)
    world.wake()
    finish(world, mine, made, "failed")
    (event,) = world.events("schedule.disabled")
    assert event.data["depth"] == 1


@pytest.mark.parametrize("depth", ["deep", None, [], 2**70, 9, -9])
def test_what_others_tell_of_themselves_neither_stops_the_clock_nor_counts_as_firings(world: World, depth: Any) -> None:
    made = world.make(trigger={"kind": "event", "pattern": "deploy.finished"}, overlap="allow")
    told = {"owner_id": world.actor.user_id, "data": {"depth": depth}}
    world.call(lambda work: work.emit("deploy.finished", **told))
    world.wait(seconds=1)
    assert [(run.outcome, run.depth) for run in world.runs(made)] == [("fired", 0)]


def test_the_absence_of_an_event_has_a_schedule_run_once(world: World, mine: Tasks) -> None:
    world.at = now()
    made = world.make(trigger={"kind": "absence", "pattern": "task.completed", "for_s": 600}, overlap="allow")
    world.wait(seconds=300)
    mine.finish(mine.create())
    world.wait(seconds=200)
    world.wait(minutes=11)
    assert counted(world, made) == {"fired absence:task.completed": 1}
    world.wait(hours=5)
    assert len(world.runs(made)) == 1, "not before it has happened again"


def test_the_end_of_one_schedule_has_another_run(world: World, mine: Tasks) -> None:
    first = world.make(name="backup")
    after = world.make(trigger={"kind": "schedule", "schedule_id": str(first.id)})
    on_failure = world.make(trigger={"kind": "schedule", "schedule_id": str(first.id), "result": "failed"})
    world.wait(hours=1)
    finish(world, mine, first)
    world.wake()
    assert counted(world, after) == {"fired schedule:backup": 1}
    assert world.runs(on_failure) == []


def test_who_may_not_see_a_schedule_any_more_does_not_hear_of_its_end(world: World, mine: Tasks, unit: Open) -> None:
    with unit(world.actor) as work:
        project = projects.create(work, ProjectIn(slug=f"seen-{new_id().hex[-12:]}"))
    made = world.make(name="backup", project_id=project.id)
    with unit(SYSTEM) as work:
        dora = identity.create_user(work, f"dora-{new_id().hex[-8:]}", role="member")
        viewer = BindingIn(
            subject_type="user", subject_id=dora.id, role_id="viewer", scope_type="project", scope_id=project.id
        )
        binding = service_roles.bind(work, viewer).id
    with unit(SYSTEM) as work:
        actor = identity.present_user(work, dora.id)
    assert actor is not None
    hers = World(world.database, actor, at=world.at)
    after = hers.make(trigger={"kind": "schedule", "schedule_id": str(made.id)}, overlap="allow")
    own = world.make(trigger={"kind": "schedule", "schedule_id": str(made.id)}, overlap="allow")
    world.wait(hours=1)
    finish(world, mine, made)
    with unit(SYSTEM) as work:
        service_roles.unbind(work, service_roles.binding(work, binding))
    world.wait(hours=1)
    finish(world, mine, made)
    assert counted(world, own) == {"fired schedule:backup": 2}
    assert counted(hers, after) == {"fired schedule:backup": 1}


def test_two_gateways_follow_each_event_once(world: World, mine: Tasks) -> None:
    made = world.make(trigger={"kind": "event", "pattern": "task.created"}, overlap="allow")
    gateways = [world.gateway() for _ in range(3)]
    for gateway in gateways:
        gateway.follow()
    for _ in range(10):
        mine.create()
    at_once([gateway.follow for gateway in gateways])
    world.wake()
    assert counted(world, made) == {"fired event:task.created": 10}


def test_the_clock_is_woken_only_by_what_may_make_something_due(world: World, mine: Tasks) -> None:
    world.wake()
    mine.finish(mine.create())
    assert world.ticker.follow() is False, "nothing waits for the end of that task"
    made = world.make(overlap="queue")
    assert world.ticker.follow() is True
    world.wait(hours=1)
    mine.finish(mine.get(world.tasks(made)[0].id))
    assert world.ticker.follow() is False, "no time of the schedule waits"
    for _ in range(2):
        world.wait(hours=1)
    mine.finish(mine.get(world.tasks(made)[1].id))
    assert world.ticker.follow() is True, "one has waited for this end"


def test_what_ended_unheard_is_settled_at_the_next_start(world: World, mine: Tasks, rows: Rows) -> None:
    made = world.make(overlap="queue")
    world.wait(hours=1)
    mine.finish(mine.get(world.tasks(made)[0].id))
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schedule_clock SET followed_seq = (SELECT seq FROM event_head)")
    gateway = world.gateway()
    gateway.begin()
    assert [run.result for run in world.runs(made)] == ["completed"]


def test_an_end_that_is_heard_yet_is_not_settled_by_another_gateways_start(world: World, mine: Tasks) -> None:
    made = world.make(name="backup", alert_after=5)
    after = world.make(trigger={"kind": "schedule", "schedule_id": str(made.id), "result": "any"}, overlap="allow")
    world.wait(hours=1)
    mine.finish(mine.get(world.tasks(made)[0].id), "failed")
    world.call(service_standing.settle_all)
    for _ in range(3):
        world.wake()
    assert counted(world, after) == {"fired schedule:backup": 1}
    assert world.look(made).failures_in_a_row == 1
    assert len(world.events("schedule.ended")) == 1


def test_who_starts_does_not_settle_what_another_gateway_has_settled_meanwhile(world: World, mine: Tasks) -> None:
    made = world.make()
    world.wait(hours=1)
    mine.finish(mine.get(world.tasks(made)[0].id))
    starting = Meanwhile(world.database, lambda: world.call(service_standing.settle_all))
    with world.database.engine.connect() as other:
        other.exec_driver_sql("UPDATE schedule_clock SET followed_seq = (SELECT seq FROM event_head)")
        other.execute(text("SELECT 1 FROM schedules WHERE id = :id FOR NO KEY UPDATE"), {"id": made.id})
        starting.waits()
        other.execute(text("UPDATE schedule_runs SET result = 'completed' WHERE schedule_id = :id"), {"id": made.id})
        other.commit()
    assert not isinstance(starting.ends(), Exception)
    assert world.events("schedule.ended") == []


def test_a_task_that_is_retried_ends_anew(world: World, mine: Tasks) -> None:
    made = world.make(name="backup")
    after = world.make(trigger={"kind": "schedule", "schedule_id": str(made.id)})
    world.wait(hours=1)
    finish(world, mine, made, "failed")
    mine.call("retry", world.tasks(made)[0].id)
    finish(world, mine, made)
    assert [run.result for run in world.runs(made)] == ["completed"]
    assert (world.look(made).failures_in_a_row, counted(world, after)) == (0, {"fired schedule:backup": 1})


def test_ten_thousand_schedules_cost_no_scan(world: World, rows: Rows) -> None:
    made = world.make()
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TEMP TABLE many ON COMMIT DROP AS SELECT schedules.* FROM schedules, generate_series(1, 10000)"
            f" WHERE schedules.id = '{made.id}'; UPDATE many SET id = gen_random_uuid();"
            " INSERT INTO schedules SELECT * FROM many;"
            " INSERT INTO schedule_states (schedule_id, zone, next_planned_at, due_at, failures)"
            " SELECT id, 'UTC', now() + interval '1 year', now() + interval '1 year', 0 FROM many"
        )
        connection.exec_driver_sql("ANALYZE schedule_states")
    plans = [
        rows("EXPLAIN SELECT schedule_id FROM schedule_states WHERE due_at <= now() ORDER BY due_at LIMIT 50"),
        rows("EXPLAIN SELECT min(due_at) FROM schedule_states WHERE due_at IS NOT NULL"),
    ]
    text = "\n".join(line for plan in plans for (line,) in plan)
    assert "Seq Scan" not in text, text
    assert text.count("ix_schedule_states_due_at") == 2, text


def test_all_that_is_due_at_one_moment_is_fired(world: World) -> None:
    made = [world.make(name=f"s{number}") for number in range(45)]
    world.wait(hours=1)
    assert {counted(world, each)["fired planned"] for each in made} == {1}
