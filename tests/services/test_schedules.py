"""Schedules as their users meet them: made, changed, run, skipped, and who may do that."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.features.identity import service as identity
from gateway.features.projects import service as projects
from gateway.features.projects.schemas import ProjectIn, ProjectPatch
from gateway.features.schedules import (
    crontab,
    queries,
    service,
    service_days,
    service_history,
    service_import,
    service_views,
)
from gateway.features.schedules.schemas import CrontabIn, PreviewIn, ScheduleIn, UpcomingQuery
from gateway.features.schedules.schemas_days import DaysQuery
from tests.services.conftest import Open, Tasks
from tests.services.schedule_world import World

SAY = {"kind": "commands", "commands": ["echo hello"]}


def wish(**fields: Any) -> dict[str, Any]:
    return {"name": "s", "cron": "0 9 * * *", "payload": SAY, **fields}


def test_what_was_asked_for_is_what_is_shown(world: World) -> None:
    made = world.make(cron="0 9 * * 1-5", time_zone="Europe/Berlin", overlap="queue", jitter_s=10, enabled=False)
    shown = world.look(made)
    assert (shown.cron, shown.effective_time_zone, shown.overlap, shown.jitter_s) == (
        "0 9 * * 1-5",
        "Europe/Berlin",
        "queue",
        10,
    )
    assert (shown.payload, shown.description) == (SAY | {"commands": ["true"]}, "At 09:00, Monday through Friday")
    assert shown.next_planned_at is None, "it is disabled"


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"cron": "0 0 30 2 *"}, "cron", "no such day comes"),
        ({"cron": "61 * * * *"}, "cron", "not possible"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "IANA"),
        ({"cron": None, "every_s": 0.5}, "every_s", "greater than or equal to 1"),
        ({"every_s": 60}, "", "exactly one of cron, at, every_s, trigger, not 2"),
        ({"cron": None}, "", "exactly one of cron, at, every_s, trigger, not 0"),
        ({"start_at": "2030-01-02T00:00:00Z", "end_at": "2030-01-01T00:00:00Z"}, "", "must lie after start_at"),
        ({"payload": {"kind": "prompt", "commands": ["x"]}}, "payload", "give prompt"),
        ({"payload": {"kind": "commands"}}, "payload", "exactly one of prompt, script and commands"),
        ({"payload": {**SAY, "env": {"API_KEY": "x"}}}, "payload.env", "looks like a secret"),
        ({"payload": {**SAY, "depends_on": [str(new_id())]}}, "payload", "wait for none"),
        ({"overlap": "sometimes"}, "overlap", "'skip', 'queue', 'allow' or 'cancel_running'"),
        ({"cron": None, "trigger": {"kind": "event", "pattern": "Task!"}}, "trigger.event.pattern", "dotted names"),
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_sense_is_refused_in_words(fields: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ScheduleIn.model_validate(wish(**fields))
    found = refused.value.errors()[0]
    assert ".".join(map(str, found["loc"])) == field
    assert message in found["msg"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron": None, "at": "2020-01-01T00:00:00Z"}, "at"),
        ({"end_at": "2020-01-01T00:00:00Z"}, "end_at"),
        ({"cron": "0 0 1 1 *", "start_at": "2031-02-01T00:00:00Z", "end_at": "2031-03-01T00:00:00Z"}, "cron"),
        ({"payload": {**SAY, "attachments": [str(new_id())]}}, "attachments"),
        ({"project_id": str(new_id())}, "project_id"),
        ({"cron": None, "trigger": {"kind": "schedule", "schedule_id": str(new_id())}}, "trigger.schedule_id"),
    ],
)
def test_what_would_never_run_is_refused(world: World, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        world.make(**wish(**fields))
    assert refused.value.errors[0]["field"] == field


def test_a_change_keeps_what_it_does_not_name(world: World) -> None:
    made = world.make(**wish(payload={**SAY, "tags": ["a"], "env": {"A": "1", "B": "2"}}))
    shown = world.change(made, payload={"env": {"A": None, "C": "3"}}, overlap="allow")
    assert shown.payload == {**SAY, "tags": ["a"], "env": {"B": "2", "C": "3"}}
    assert (shown.cron, shown.overlap, shown.version) == ("0 9 * * *", "allow", 2)


def test_another_timing_takes_the_place_of_the_former(world: World) -> None:
    made = world.make(**wish())
    shown = world.change(made, every_s=60)
    assert (shown.cron, shown.every_s) == (None, 60)
    with pytest.raises(Invalid, match="always has one"):
        world.change(made, every_s=None)


def test_another_kind_takes_the_place_of_the_former(world: World) -> None:
    shown = world.change(world.make(**wish()), payload={"kind": "prompt", "prompt": "Say hello"})
    assert shown.payload == {"kind": "prompt", "prompt": "Say hello"}
    with pytest.raises(Invalid) as refused:
        world.change(world.make(**wish()), payload={"commands": []})
    assert refused.value.errors[0]["field"] == "payload.commands"


def test_what_is_planned_next_is_shown_in_its_zone(world: World) -> None:
    made = world.make(cron="30 2 * * *", time_zone="Europe/Berlin", start_at="2031-03-29T12:00:00Z")
    first, second, third = world.call(lambda work: service.upcoming(work, service.get(work, made.id), 3))
    assert (first.local, first.utc_offset) == ("2031-03-30T03:00:00+02:00", "+02:00"), "02:30 is left out that day"
    assert (second.local, third.local) == ("2031-03-31T02:30:00+02:00", "2031-04-01T02:30:00+02:00")


def test_the_next_time_is_skipped_and_taken_back(world: World) -> None:
    made = world.make()
    world.call(service.skip_next, made.id)
    assert world.look(made).skips_next
    assert [
        each.skipped for each in world.call(lambda work: service.upcoming(work, service.get(work, made.id), 2))
    ] == [True, False]
    world.call(service.skip_next, made.id, wanted=False)
    world.wait(hours=1)
    assert world.outcomes(made) == [("fired", "planned")]
    world.call(service.skip_next, made.id)
    world.wait(hours=1)
    assert world.outcomes(made)[1:] == [("skipped", "skip_next")]
    assert not world.look(made).skips_next
    assert [event.data["cause"] for event in world.events("schedule.skipped")] == ["skip_next"]


def test_what_comes_next_of_all_is_told_in_turn(world: World, unit: Open, bob: Actor) -> None:
    world.make(name="off", enabled=False)
    world.make(name="later", start_at=world.at + timedelta(hours=3), every_s=60)
    sooner = world.make(name="sooner", start_at=world.at + timedelta(hours=2), every_s=60)
    world.call(service.skip_next, sooner.id)

    def told(**query: Any) -> list[tuple[str, bool]]:
        found = world.call(service_days.upcoming, UpcomingQuery(**query)).items
        assert all(each.planned_at > world.at for each in found)
        return [(each.name, each.skipped) for each in found]

    assert told() == [("sooner", True), ("later", False)]
    assert told(count=1) == told(before=world.at + timedelta(hours=3)) == [("sooner", True)]
    with unit(bob) as work:
        assert service_days.upcoming(work, UpcomingQuery()).items == []


def test_nothing_planned_is_nothing_to_skip(world: World) -> None:
    with pytest.raises(Conflict, match="Nothing is planned"):
        world.call(service.skip_next, world.make(enabled=False).id)


def test_a_run_now_names_who_asked_and_leaves_the_plan_alone(world: World) -> None:
    made = world.make(enabled=False)
    run = world.call(service.run_now, made.id)
    assert (run.outcome, run.cause) == ("fired", "user:alice")
    world.call(service.set_enabled, made.id, True)
    before = world.look(made).next_planned_at
    assert world.call(service.run_now, made.id).outcome == "skipped", "the run before has not ended"
    assert world.look(made).next_planned_at == before
    assert world.outcomes(made) == [("fired", "user:alice"), ("skipped", "overlap")]


def test_its_task_says_where_it_came_from(world: World, rows: Callable[..., list[Any]]) -> None:
    made = world.make(name="Nightly", payload={**SAY, "tags": ["t"], "metadata": {"mine": 1}})
    run = world.call(service.run_now, made.id, cause="hook:ci")
    (name, tags, metadata) = rows("SELECT name, tags, metadata FROM tasks WHERE id = :id", id=run.task_id)[0]
    assert (name.startswith("nightly"), tags, metadata["mine"]) == (True, ["t"], 1)
    assert (metadata["schedule_id"], metadata["cause"]) == (str(made.id), "hook:ci")
    edge = rows("SELECT cause_kind, cause_id, reason FROM causes WHERE effect_id = :id", id=run.task_id)
    assert edge == [("firings", run.id, "fired")]


def test_disabling_stops_the_clock_and_enabling_starts_from_then(world: World) -> None:
    made = world.make()
    world.call(service.set_enabled, made.id, False)
    world.wait(hours=5)
    assert world.runs(made) == []
    enabled = world.call(service.set_enabled, made.id, True)
    assert enabled.state.next_planned_at > now()
    assert [event.name for event in world.events("schedule.disabled", "schedule.enabled")] == [
        "schedule.disabled",
        "schedule.enabled",
    ]


def test_a_disabled_one_whose_time_is_over_cannot_be_enabled(world: World) -> None:
    made = world.make(cron=None, at=now() + timedelta(seconds=1), enabled=False)
    with world.database.sessions() as session:
        session.get_one(type(made), made.id).at = datetime(2020, 1, 1, tzinfo=UTC)
        session.commit()
    with pytest.raises(Invalid, match="it has passed"):
        world.call(service.set_enabled, made.id, True)


def test_a_deleted_one_takes_its_history_along_and_leaves_its_tasks(
    world: World, rows: Callable[..., list[Any]]
) -> None:
    made = world.make()
    run = world.call(service.run_now, made.id)
    world.call(service.remove, made.id)
    assert rows("SELECT count(*) FROM schedule_runs WHERE schedule_id = :id", id=made.id) == [(0,)]
    assert rows("SELECT count(*) FROM tasks WHERE id = :id", id=run.task_id) == [(1,)]
    with pytest.raises(NotFound):
        world.call(service.get, made.id)


def test_nobody_else_knows_of_it(world: World, unit: Open, bob: Actor) -> None:
    made = world.make()
    acts: list[Callable[..., Any]] = [
        service.get,
        service.for_change,
        service.run_now,
        service.skip_next,
        service.remove,
        service.runs,
    ]
    for act in acts:
        with pytest.raises(NotFound), unit(bob) as work:
            act(work, made.id)
    with unit(bob) as work:
        assert made.id not in {each.id for each in work.session.scalars(service.visible(work))}


def test_a_viewer_makes_none(world: World, unit: Open, charlie: Actor) -> None:
    with pytest.raises(GatewayError) as refused, unit(charlie) as work:
        service.create(work, ScheduleIn.model_validate(wish()))
    assert isinstance(refused.value, Forbidden | Invalid)


def test_only_the_owner_says_what_it_does(world: World, unit: Open) -> None:
    made = world.make()
    with unit(SYSTEM) as work:
        boss = identity.create_user(work, f"boss-{new_id().hex[-8:]}", role="operator")
        boss_actor = identity.present_user(work, boss.id)
    assert boss_actor is not None
    world_of_boss = World(world.database, boss_actor)
    with pytest.raises(Forbidden, match="Only its owner"):
        world_of_boss.change(made, payload={"commands": ["rm -r ~"]})
    assert world_of_boss.change(made, enabled=False).enabled is False


def test_the_zone_comes_from_the_user_then_the_project_then_the_system(world: World, unit: Open) -> None:
    with unit(world.actor) as work:
        project = projects.create(work, ProjectIn(slug=f"z-{new_id().hex[-12:]}", time_zone="Asia/Tokyo"))
    made = world.make(cron="0 9 * * *", project_id=project.id)
    assert world.look(made).effective_time_zone == "Asia/Tokyo"
    assert world.look(world.make(cron="0 9 * * *")).effective_time_zone == "UTC"
    with unit(SYSTEM) as work:
        identity.change_user(work, identity.to_change(work, world.actor.user_id), {"time_zone": "Europe/Berlin"})
    try:
        world.ticker.follow()
        shown = world.look(made)
        assert shown.effective_time_zone == "Europe/Berlin"
        assert shown.next_planned_at is not None
        assert shown.next_planned_at.hour in (7, 8), "nine o'clock in Berlin"
    finally:
        with unit(SYSTEM) as work:
            identity.change_user(work, identity.to_change(work, world.actor.user_id), {"time_zone": None})
    with unit(world.actor) as work:
        projects.change(work, projects.for_change(work, project.id), ProjectPatch(time_zone="America/New_York"))
    world.ticker.follow()
    assert world.look(made).effective_time_zone == "America/New_York"


def test_a_preview_counts_from_its_start(world: World) -> None:
    asked = PreviewIn.model_validate(
        {"cron": "0 */6 * * *", "time_zone": "Asia/Kolkata", "count": 2, "start_at": "2026-05-01T00:00:00Z"}
    )
    found = world.call(service_views.preview, asked)
    assert found.description == "Every 6 hours"
    assert [(item.utc.isoformat(), item.local, item.utc_offset) for item in found.items] == [
        ("2026-05-01T00:30:00+00:00", "2026-05-01T06:00:00+05:30", "+05:30"),
        ("2026-05-01T06:30:00+00:00", "2026-05-01T12:00:00+05:30", "+05:30"),
    ]
    every = world.call(
        service_views.preview, PreviewIn.model_validate({"every_s": 90, "count": 2, "start_at": "2026-05-01T00:00:00Z"})
    )
    assert [item.utc.isoformat() for item in every.items] == ["2026-05-01T00:00:00+00:00", "2026-05-01T00:01:30+00:00"]


CRONTAB = """
# m h  dom mon dow   command
SHELL=/bin/bash
GREETING="good morning"
CRON_TZ=Europe/Berlin
0 5 * * 1 tar -zcf backup.tgz notes
@daily date +\\%F
@reboot start-something
*/10 * * * * cat%one%two
99 * * * * never
0 5 * * 1
"""


def test_a_crontab_becomes_schedules_line_by_line(world: World) -> None:
    found = world.call(service_import.take, CrontabIn(crontab=CRONTAB))
    assert found.imported == 3
    weekly, daily, reboot, minutes, wrong, empty = found.lines
    assert weekly.schedule_id is not None
    shown = world.call(lambda work: service.described(work, service.get(work, weekly.schedule_id)))
    assert (shown.cron, shown.time_zone) == ("0 5 * * 1", "Europe/Berlin")
    assert shown.payload == {
        "kind": "commands",
        "commands": ["tar -zcf backup.tgz notes"],
        "env": {"GREETING": "good morning"},
    }
    assert daily.schedule_id is not None
    assert world.call(lambda work: service.get(work, daily.schedule_id)).payload["commands"] == ["date +%F"]
    assert minutes.schedule_id is not None
    script = world.call(lambda work: service.get(work, minutes.schedule_id)).payload["script"]["content"]
    assert script == "cat <<'END_OF_INPUT'\none\ntwo\nEND_OF_INPUT\n"
    assert [line.problem for line in (reboot, wrong, empty) if line.problem and line.schedule_id is None] == [
        "@reboot is no time; nothing is run when the machine starts",
        "the minute 99 is not possible; write 0 to 59, *, a list, a range or a step",
        "there is no command; a line is five fields and a command",
    ]


def test_a_line_of_the_systems_crontab_is_not_taken_with_its_user(world: World) -> None:
    wish = CrontabIn(crontab="17 * * * *\troot\trun-parts /etc/cron.hourly\n@daily rooted", dry_run=True)
    system, own = world.call(service_import.take, wish).lines
    assert system.problem == "it names a user, as in /etc/crontab; leave that column out"
    assert own.problem is None


@pytest.mark.parametrize(
    "shown",
    [
        "17 * * * * root cd / && run-parts /etc/cron.hourly",
        "# m h dom mon dow user\tcommand",
        "# *  *  *  *  * user-name  command to be executed",
    ],
)
def test_users_are_known_by_the_whole_text(world: World, shown: str) -> None:
    entry = "0 3 * * *\tbackup\tpg_dump -f all"
    found = world.call(service_import.take, CrontabIn(crontab=f"{shown}\n{entry}\n", dry_run=True))
    assert found.lines[-1].problem == "it names a user, as in /etc/crontab; leave that column out"
    own = "# m h  dom mon dow   command\n# as the user commands\n" + entry
    assert world.call(service_import.take, CrontabIn(crontab=own, dry_run=True)).lines[0].problem is None


def test_no_more_entries_are_read_than_can_be_imported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    entries = crontab.entries
    monkeypatch.setattr(crontab, "entries", lambda text: (read.append(entry) or entry for entry in entries(text)))
    with pytest.raises(Invalid) as refused:
        world.call(service_import.take, CrontabIn(crontab="@daily true\n" * 10_000, dry_run=True))
    assert refused.value.errors[0]["message"] == "it has more than 500 entries; import 500 at most at once"
    assert len(read) == 501


def test_a_crontab_with_too_many_settings_is_refused_at_each_line(world: World) -> None:
    text = "".join(f"V{number}=1\n" for number in range(150))
    (line,) = world.call(service_import.take, CrontabIn(crontab=f"{text}@daily true", dry_run=True)).lines
    assert line.problem == "these are more than 100"


def test_a_dry_run_makes_nothing(world: World) -> None:
    found = world.call(service_import.take, CrontabIn(crontab=CRONTAB, dry_run=True))
    assert (found.imported, found.lines[0].description) == (0, "At 05:00, only on Monday")
    assert world.call(service.newest, 10) == []


def test_the_calendar_holds_what_comes(world: World) -> None:
    world.make(name="Water, the plants", cron="0 9 * * *", end_at=now() + timedelta(days=3))
    world.make(name="never mind", enabled=False)
    text = world.call(service_views.calendar).decode()
    assert text.count("BEGIN:VEVENT") == 3
    assert "SUMMARY:Water\\, the plants" in text
    assert "DTSTART:" in text


def test_what_was_is_counted_by_day_in_the_readers_zone_for_who_may_see_it(
    world: World, unit: Open, bob: Actor
) -> None:
    world.at = world.at.replace(hour=21, minute=30, second=0) + timedelta(days=1)
    world.wake()
    began, made = world.at, world.make(name="hourly", overlap="allow")
    for _ in range(3):
        world.wait(hours=1)
    world.call(service.skip_next, made.id)
    world.wait(hours=1)
    asked = {"after": began, "before": world.at + timedelta(seconds=1)}
    utc = DaysQuery.model_validate(asked)
    days = [(one.name, one.day, one.outcomes) for one in world.call(service_days.days, utc).items]
    today = began.date()
    assert days == [
        ("hourly", today, {"running": 2}),
        ("hourly", today + timedelta(days=1), {"running": 1, "skipped": 1}),
    ]
    elsewhere = DaysQuery.model_validate({**asked, "time_zone": "Asia/Kathmandu"})
    assert [one.outcomes for one in world.call(service_days.days, elsewhere).items] == [{"running": 3, "skipped": 1}]
    earlier = DaysQuery.model_validate({"after": began - timedelta(days=9), "before": began})
    assert world.call(service_days.days, earlier).items == []
    with unit(bob) as work:
        assert service_days.days(work, utc).items == []
    with pytest.raises(ValidationError, match="100 days"):
        DaysQuery.model_validate({"after": began, "before": began + timedelta(days=101)})


def test_what_comes_is_told_by_day_and_what_runs_too_often_by_its_name(world: World, unit: Open, bob: Actor) -> None:
    world.make(name="off", cron="0 9 * * *", enabled=False)
    world.make(name="each minute", cron="* * * * *")
    daily = world.make(name="daily", cron="0 9,21 * * *")
    world.call(service.skip_next, daily.id)
    tomorrow = (world.at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = DaysQuery(after=tomorrow, before=tomorrow + timedelta(days=2))
    found = world.call(service_days.days, asked)
    assert [(one.name, one.description) for one in found.frequent] == [("each minute", "Every minute")]
    days = [(one.name, one.day, one.times, one.first_at.hour, one.last_at.hour) for one in found.planned]
    assert days == [
        ("daily", tomorrow.date(), 2, 9, 21),
        ("daily", tomorrow.date() + timedelta(days=1), 2, 9, 21),
    ]
    now_on = DaysQuery(after=world.at, before=tomorrow + timedelta(days=2), time_zone="Asia/Kathmandu")
    assert sum(one.skipped for one in world.call(service_days.days, now_on).planned) == 1
    with unit(bob) as work:
        theirs = service_days.days(work, asked)
        assert (theirs.planned, theirs.frequent) == ([], [])


def test_of_a_day_as_many_are_told_as_are_asked_for_and_the_others_counted(world: World) -> None:
    tomorrow = world.at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    world.at = tomorrow - timedelta(hours=1)
    world.wake()
    for minute in (40, 20, 30):
        world.make(name=f"at {minute}", start_at=tomorrow + timedelta(minutes=minute), every_s=3600)
    for _ in range(3):
        world.wait(minutes=40)
    asked = {"after": tomorrow, "before": tomorrow + timedelta(days=2), "each": 2}
    found = world.call(service_days.days, DaysQuery.model_validate(asked))
    assert [(one.name, one.outcomes) for one in found.items] == [("at 20", {"running": 1}), ("at 30", {"running": 1})]
    assert [(one.name, one.day.day - tomorrow.day) for one in found.planned if one.day == tomorrow.date()] == [
        ("at 20", 0), ("at 30", 0),
    ]  # fmt: skip
    assert found.left_out == {tomorrow.date(): 2, tomorrow.date() + timedelta(days=1): 1}
    assert found.whole
    whole = world.call(service_days.days, DaysQuery.model_validate({**asked, "each": 3}))
    assert (len(whole.items), whole.left_out) == (3, {})


@pytest.mark.parametrize(
    ("zone", "after", "midnights"),
    [
        ("Africa/Cairo", "2026-04-23T12Z", "2026-04-23T22Z 2026-04-24T21Z"),
        ("America/Santiago", "2026-04-04T12Z", "2026-04-05T04Z 2026-04-06T04Z"),
        ("Pacific/Apia", "2011-12-29T12Z", "2011-12-30T10Z 2011-12-30T10Z 2011-12-31T10Z"),
    ],
    ids=["no midnight", "an hour twice before midnight", "no such day"],
)
def test_days_begin_and_end_where_clocks_say_so(zone: str, after: str, midnights: str) -> None:
    first, *begins = map(datetime.fromisoformat, [after, *midnights.split()])
    last = first + timedelta(days=2)
    spans = service_days.spans(DaysQuery(after=first, before=last, time_zone=zone))
    assert [(begin, end) for _, begin, end in spans] == list(itertools.pairwise([first, *begins, last]))
    assert [day for day, _, _ in spans] == [spans[0][0] + timedelta(days=n) for n in range(len(spans))]


def test_the_last_runs_of_each_cost_as_little_where_one_has_nearly_all(world: World, unit: Open) -> None:
    many = 5_000
    busy, *quiet = [world.make(cron="0 0 1 1 *", name=f"one of four {n}").id for n in range(4)]
    with unit(SYSTEM) as work:
        trial = work.session.begin_nested()
        work.session.execute(
            text("""
                INSERT INTO schedule_runs (id, schedule_id, planned_at, outcome, cause, depth, told)
                SELECT uuidv7(- n * interval '1 h'), :id, now() - n * interval '1 h', 'skipped', 'clock', 0, true
                  FROM generate_series(1, :many) n"""),
            {"id": busy, "many": many},
        )
        work.session.execute(text("ANALYZE schedule_runs"))
        fetched = text("SELECT pg_stat_get_xact_tuples_fetched(CAST('schedule_runs' AS regclass))")
        before = work.session.scalar(fetched)
        found = queries.recent(work.session, [busy, *quiet], 10)
        assert [run.schedule_id for run in found] == [busy] * 10
        assert work.session.scalar(fetched) - before < 100
        trial.rollback()


def test_old_history_goes_and_what_is_open_stays(world: World, mine: Tasks) -> None:
    made = world.make(overlap="allow")
    done, still_open = (world.call(service.run_now, made.id) for _ in range(2))
    mine.finish(mine.get(done.task_id))
    world.ticker.follow()
    later = now() + timedelta(days=1)
    assert world.call(service_history.purge, later, 1000) == 1
    assert [run.id for run in world.runs(made)] == [still_open.id]
