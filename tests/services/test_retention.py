"""Retention: each rule takes what is over its limit and at rest, nothing else, and what went is remembered as gone."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway import registry
from gateway.core import tombstones
from gateway.core.clock import first_id_at, now
from gateway.core.database import Database
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.purging import Removed
from gateway.core.unit_of_work import Work
from gateway.features.artifacts.jobs import remove_unused
from gateway.features.artifacts.store import Store
from gateway.features.messaging import service_matching
from gateway.features.projects import service as projects
from gateway.features.projects.schemas import ProjectIn, Retention
from gateway.features.retention import jobs, queries, queries_look, service
from gateway.features.retention import service_purge as purging
from gateway.features.retention.rules import Rule
from gateway.features.retention.schemas import RetentionPolicyIn, RetentionPolicyPatch
from gateway.features.retention.service_purge import Batch
from gateway.features.runs import service_purge
from gateway.features.sessions import service as sessions
from gateway.features.sessions.schemas import WorkSessionIn
from tests.services.conftest import Open, PlainNode
from tests.services.schedule_world import World

Rows = Callable[..., list[Any]]
SORTS = registry.purges()


@dataclass
class Purger:
    """As much of a node as purging needs."""

    unit_of: Open
    purges: dict[str, Any] = field(default_factory=registry.purges)
    stopping: bool = False
    store: Store | None = None

    async def unit(self, act: Callable[[Work], Any]) -> Any:
        with self.unit_of(SYSTEM) as work:
            return act(work)

    def purge(self, sort: str) -> None:
        with self.unit_of(SYSTEM) as work:  # as a node does all the while: no event goes before it was looked at
            while service_matching.match_some(work):
                pass
        asyncio.run(jobs.purge(self, sort))  # type: ignore[arg-type]


@pytest.fixture
def purger(unit: Open) -> Purger:
    return Purger(unit)


@pytest.fixture
def place(unit: Open, alice: Actor) -> uuid.UUID:
    """A project of Alice's."""
    with unit(alice) as work:
        return projects.create(work, ProjectIn(slug=f"p{uuid.uuid4().hex[:12]}")).id


@pytest.fixture(autouse=True)
def no_policies_are_left(database: Database) -> Iterator[None]:
    yield
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM retention_policies"))
        connection.execute(text("UPDATE projects SET retention = '{}'"))


def old_id(moment: datetime) -> uuid.UUID:
    """The id that a thing of that time would have."""
    return uuid.UUID(int=first_id_at(moment).int | (uuid.uuid4().int & ((1 << 62) - 1)))


def old_task(
    database: Database, owner: Actor, project: uuid.UUID, days: int, status: str = "completed"
) -> tuple[uuid.UUID, uuid.UUID]:
    """A task that has come to that status so long ago, its run, and the run's log."""
    moment = now() - timedelta(days=days)
    names = {"id": old_id(moment), "run": old_id(moment), "owner": owner.user_id, "project": project, "time": moment,
             "status": status, "name": uuid.uuid4().hex}  # fmt: skip
    with database.engine.begin() as connection:
        connection.execute(text("""
            INSERT INTO tasks (id, owner_id, project_id, name, kind, status, summary, commands, continue_on_error,
                               acceptance_criteria, tags, priority, timeout_s, network, env, metadata, attempts,
                               version, created_at, updated_at, ended_at, run_id)
            VALUES (:id, :owner, :project, :name, 'commands', :status, 'true', '{true}', false, '{}', '{}', 0, 60,
                    false, '{}', '{}', 1, 1, :time, :time, :time, :run)"""), names)  # fmt: skip
        connection.execute(text("""
            INSERT INTO runs (id, owner_id, project_id, task_id, attempt, status, log_seq, created_at, ended_at)
            VALUES (:run, :owner, :project, :id, 1, :status, 50, :time, :time)"""), names)  # fmt: skip
        connection.execute(text("""
            INSERT INTO run_logs (run_id, seq, stream, time, message)
            SELECT :run, n, 'stdout', :time, 'x' FROM generate_series(1, 50) n"""), names)  # fmt: skip
    return names["id"], names["run"]


def old_event(database: Database, project_id: uuid.UUID | None, moment: datetime, size: int = 0) -> uuid.UUID:
    """An event of that time."""
    id_ = old_id(moment)
    with database.engine.begin() as connection:
        connection.execute(
            text("""
                WITH head AS (UPDATE event_head SET seq = seq + 1 RETURNING seq)
                INSERT INTO events (seq, id, name, time, actor, project_id, tags, data)
                SELECT seq, :id, 'test.happened', :time, 'test', :project, '{}',
                       jsonb_build_object('x', CAST(:x AS text)) FROM head
            """),
            {"id": id_, "time": moment, "project": project_id, "x": uuid.uuid4().hex * (size // 32)},
        )
        connection.execute(text("UPDATE messaging_position SET seq = (SELECT seq FROM event_head)"))
    return id_


def kept(rows: Rows, *ids: uuid.UUID, table: str = "events") -> list[bool]:
    found = {row[0] for row in rows(f"SELECT id FROM {table} WHERE id = ANY(:ids)", ids=list(ids))}
    return [id_ in found for id_ in ids]


def policy(unit: Open, actor: Actor, place: uuid.UUID | None = None, **limits: Any) -> uuid.UUID:
    wish = RetentionPolicyIn(
        **{"sort": "events", **limits}, scope_type="project" if place else "system", scope_id=place
    )
    with unit(actor) as work:
        return service.create(work, SORTS, wish).id


@pytest.mark.parametrize("sort", SORTS)
def test_a_sample_of_everything_is_everything(unit: Open, sort: str) -> None:
    whole = SORTS[sort]
    part = replace(whole, rows=lambda: queries_look.sampled(whole.rows(), 1))
    with unit(SYSTEM) as work:
        assert queries.amount(work.session, part, Rule(sort)) == queries.amount(work.session, whole, Rule(sort))


def test_of_much_a_part_is_looked_at_and_the_figures_say_so(
    unit: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 20_000
    with database.engine.begin() as connection:
        connection.execute(text("""
            INSERT INTO causes (id, effect_kind, effect_id, cause_kind, cause_id, reason, time)
            SELECT uuidv7(interval '-9 days'), 'tests', uuidv7(), 'tests', uuidv7(), 'much', now() - interval '9 days'
              FROM generate_series(1, :many)"""), {"many": many})  # fmt: skip
    policy(unit, SYSTEM, sort="causes", max_age_days=7, max_count=many // 2)

    def causes() -> tuple[Any, int]:
        with unit(SYSTEM) as work:
            read = text("SELECT pg_stat_get_xact_tuples_returned(CAST('causes' AS regclass))")
            before = work.session.scalar(read)
            [found] = [each for each in service.overview(work, SORTS, None).items if each.sort == "causes"]
            return found, work.session.scalar(read) - before

    try:
        exact, _ = causes()
        monkeypatch.setattr(queries_look, "COUNTED_BYTES", 500_000)
        about, looked_at = causes()
    finally:
        with database.engine.begin() as connection:
            connection.execute(text("DELETE FROM causes WHERE effect_kind = 'tests'"))
    assert (exact.estimated, exact.would_go.count) == (False, many)
    assert about.estimated
    assert about.kept.count == pytest.approx(exact.kept.count, rel=0.5)
    assert about.would_go.bytes == pytest.approx(exact.would_go.bytes, rel=0.5)
    assert looked_at < many


def test_age_takes_what_is_older_and_the_rest_stays(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    old, fresh = (old_event(database, place, now() - timedelta(days=days)) for days in (8, 6))
    elsewhere = old_event(database, None, now() - timedelta(days=8))
    policy_id = policy(unit, alice, place, max_age_days=7)
    with unit(alice) as work:
        shown = service.preview(work, SORTS, policy_id)
    assert (shown.would_go.count, [example.id for example in shown.examples]) == (1, [old])
    purger.purge("events")
    assert kept(rows, old, fresh, elsewhere) == [False, True, True]
    with unit(alice) as work:
        assert service.get(work, policy_id).purged_count == 1
        assert service.preview(work, SORTS, policy_id).would_go.count == 0


def test_what_is_kept_for_a_hundred_years_hinders_nothing(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    old = old_event(database, place, now() - timedelta(days=8))
    policy_id = policy(unit, alice, place, max_age_days=36_500, max_count=0)
    with unit(alice) as work:
        assert service.preview(work, SORTS, policy_id).would_go.count == 1
        assert service.overview(work, SORTS, place).items
    purger.purge("events")
    assert kept(rows, old) == [False]


def test_count_and_size_keep_the_newest(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    events = [old_event(database, place, now() - timedelta(days=days), size=1600) for days in (5, 4, 3, 2)]
    policy_id = policy(unit, alice, place, max_count=5)  # those of the project and the policy are the newest
    purger.purge("events")
    assert kept(rows, *events) == [False, True, True, True]
    with unit(alice) as work:
        service.change(work, service.for_change(work, policy_id), RetentionPolicyPatch(max_count=None, max_bytes=5200))
    purger.purge("events")
    assert kept(rows, *events) == [False, False, True, True]


def test_nothing_younger_than_an_hour_goes(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    events = [old_event(database, place, now() - timedelta(minutes=minutes)) for minutes in (90, 30)]
    policy(unit, alice, place, max_count=0)
    purger.purge("events")
    assert kept(rows, *events) == [False, True]


def test_a_projects_policy_goes_before_the_systems(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    here, elsewhere = (old_event(database, project, now() - timedelta(days=4000)) for project in (place, None))
    policy(unit, SYSTEM, max_age_days=3650)
    policy(unit, alice, place, max_age_days=5000)
    with unit(SYSTEM) as work:
        [events] = [each for each in service.overview(work, SORTS, None).items if each.sort == "events"]
    assert events.would_go.count == 1
    purger.purge("events")
    assert kept(rows, here, elsewhere) == [True, False]


def test_a_switched_off_policy_does_nothing(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    old = old_event(database, place, now() - timedelta(days=8))
    policy_id = policy(unit, alice, place, max_age_days=7, enabled=False)
    purger.purge("events")
    assert kept(rows, old) == [True]
    with unit(alice) as work, pytest.raises(Conflict):
        service.apply(work, policy_id)


def test_what_a_project_says_itself_is_obeyed_and_what_is_at_work_stays(
    database: Database, unit: Open, alice: Actor, bob: Actor, purger: Purger, rows: Rows
) -> None:
    with unit(alice) as work:
        keeping = Retention(tasks_days=30)
        project = projects.create(work, ProjectIn(slug=f"p{uuid.uuid4().hex[:12]}", retention=keeping))
    old, fresh = (old_task(database, alice, project.id, days)[0] for days in (31, 29))
    waiting, _ = old_task(database, alice, project.id, 31, "running")
    purger.purge("tasks")
    assert kept(rows, old, fresh, waiting, table="tasks") == [False, True, True]
    with unit(alice) as work:
        [grave] = tombstones.find(work.session, alice, "tasks", [old, fresh, waiting])
        assert tombstones.find(work.session, bob, "tasks", [old]) == [], "it was never his to see"
    assert (grave.id, "30 days" in grave.reason) == (old, True)
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM tasks WHERE id = :id"), {"id": waiting})


def test_logs_go_without_their_runs_and_a_run_stays_that_shows_how_its_task_ended(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    task, run = old_task(database, alice, place, 10)
    policy(unit, alice, place, sort="logs", max_age_days=7)
    policy(unit, alice, place, sort="runs", max_count=0)
    purger.purge("logs")
    purger.purge("runs")
    assert rows("SELECT count(*) FROM run_logs WHERE run_id = :id", id=run) == [(0,)]
    assert kept(rows, run, table="runs") == [True]
    policy(unit, alice, place, sort="tasks", max_age_days=7)
    purger.purge("tasks")
    assert kept(rows, task, table="tasks") == kept(rows, run, table="runs") == [False]


def test_a_log_too_long_for_one_transaction_goes_in_pieces_before_its_task(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(service_purge, "AT_ONCE", 20)
    task, run = old_task(database, alice, place, 10)
    wanted = SORTS["tasks"]
    with unit(SYSTEM) as work:
        assert wanted.remove(work, [task]) == Removed([], more=True)
    assert rows("SELECT count(*) FROM run_logs WHERE run_id = :id", id=run) == [(30,)]
    policy(unit, alice, place, sort="tasks", max_age_days=7)
    purger.purge("tasks")
    assert kept(rows, task, table="tasks") == [False]


def test_the_files_of_purged_artifacts_go_unless_another_artifact_has_the_same(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, node: PlainNode, rows: Rows
) -> None:
    moment = now() - timedelta(days=10)
    names = [hashlib.sha256(uuid.uuid4().bytes).hexdigest() for _ in range(2)]
    ids = [old_id(moment) for _ in range(3)]
    for name in names:
        node.store.path(name).parent.mkdir(parents=True)
        node.store.path(name).write_bytes(b"x")
        os.utime(node.store.path(name), (moment.timestamp(), moment.timestamp()))
    with database.engine.begin() as connection:
        for id_, name, project in zip(ids, [*names, names[1]], [place, place, None], strict=True):
            connection.execute(
                text("INSERT INTO artifacts (id, owner_id, project_id, origin, filename, media_type, size, sha256,"
                     " created_at) VALUES (:id, :owner, :project, 'upload', 'x', 'text/plain', 1, :sha256, :time)"),
                {"id": id_, "owner": alice.user_id, "project": project, "sha256": name, "time": moment},
            )  # fmt: skip
    policy(unit, alice, place, sort="artifacts", max_age_days=7)
    purger.purge("artifacts")
    assert kept(rows, *ids, table="artifacts") == [False, False, True]
    purger.store = node.store
    asyncio.run(remove_unused(purger))  # type: ignore[arg-type]
    assert [node.store.path(name).exists() for name in names] == [False, True]
    assert rows("SELECT count(*) FROM artifact_unused_files") == [(0,)]


def test_history_of_schedules_goes_but_for_what_waits_or_runs(
    database: Database, unit: Open, alice: Actor, world: World, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    made = [world.make(project_id=project) for project in (str(place), None)]
    moment = now() - timedelta(days=40)
    wanted = [("missed", None, None), ("fired", uuid.uuid4(), "completed"), (None, None, None),
              ("fired", uuid.uuid4(), None)]  # fmt: skip
    ids = []
    with database.engine.begin() as connection:
        for schedule in made:
            for number, (outcome, task_id, result) in enumerate(wanted):
                ids.append(old_id(moment))
                connection.execute(
                    text("""
                        INSERT INTO schedule_runs (id, schedule_id, planned_at, outcome, cause, task_id, result, depth,
                                                   told)
                        VALUES (:id, :schedule, :planned, :outcome, 'planned', :task, :result, 0, true)"""),
                    {"id": ids[-1], "schedule": schedule.id, "planned": moment + timedelta(seconds=number),
                     "outcome": outcome, "task": task_id, "result": result},
                )  # fmt: skip
    policy(unit, alice, place, sort="schedule_runs", max_age_days=30)
    purger.purge("schedule_runs")
    assert kept(rows, *ids, table="schedule_runs") == [False, False, True, True, True, True, True, True]


def test_transcripts_go_by_a_projects_own_retention(
    database: Database, unit: Open, alice: Actor, purger: Purger, rows: Rows
) -> None:
    with unit(alice) as work:
        keeping = Retention(transcripts_days=7)
        project = projects.create(work, ProjectIn(slug=f"p{uuid.uuid4().hex[:12]}", retention=keeping))
        session = sessions.create(work, WorkSessionIn(title="said", project_id=project.id))
    ids = [old_id(now() - timedelta(days=days)) for days in (8, 6)]
    with database.engine.begin() as connection:
        for id_, days in zip(ids, (8, 6), strict=True):
            connection.execute(
                text("INSERT INTO transcript_segments (id, owner_id, project_id, session_id, kind, content, created_by,"
                     " created_at) VALUES (:id, :owner, :project, :session, 'summary', '{}', 'test', :time)"),
                {"id": id_, "owner": alice.user_id, "project": project.id, "session": session.id,
                 "time": now() - timedelta(days=days)},
            )  # fmt: skip
    purger.purge("transcripts")
    assert kept(rows, *ids, table="transcript_segments") == [False, True]


def test_tombstones_go_by_when_the_thing_was_purged(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    ids = [old_id(now() - timedelta(days=100)) for _ in range(2)]
    with database.engine.begin() as connection:
        for id_, days in zip(ids, (31, 29), strict=True):
            connection.execute(
                text("INSERT INTO tombstones (kind, id, owner_id, project_id, purged_at, reason)"
                     " VALUES ('tasks', :id, :owner, :project, :time, 'too old')"),
                {"id": id_, "owner": alice.user_id, "project": place, "time": now() - timedelta(days=days)},
            )  # fmt: skip
    policy(unit, alice, place, sort="tombstones", max_age_days=30)
    purger.purge("tombstones")
    assert kept(rows, *ids, table="tombstones") == [False, True]


def test_causes_go_by_age_in_the_whole_system_alone(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    ids = [old_id(now() - timedelta(days=days)) for days in (31, 29)]
    with database.engine.begin() as connection:
        for id_, days in zip(ids, (31, 29), strict=True):
            connection.execute(
                text("INSERT INTO causes (id, cause_kind, cause_id, effect_kind, effect_id, reason, time)"
                     " VALUES (:id, 'hooks', :id, 'tasks', :id, 'called', :time)"),
                {"id": id_, "time": now() - timedelta(days=days)},
            )  # fmt: skip
    policy(unit, alice, place, sort="causes", max_age_days=30)
    purger.purge("causes")
    assert kept(rows, *ids, table="causes") == [True, True], "a cause lies in no project"
    policy(unit, SYSTEM, sort="causes", max_age_days=30)
    purger.purge("causes")
    assert kept(rows, *ids, table="causes") == [False, True]


def test_what_went_is_on_record_though_the_node_is_killed_in_the_midst(
    database: Database, unit: Open, alice: Actor, place: uuid.UUID, purger: Purger, rows: Rows
) -> None:
    events = [old_event(database, place, now() - timedelta(days=days)) for days in (9, 8)]
    policy_id = policy(unit, alice, place, max_age_days=7)

    def killed(work: Work, ids: Sequence[uuid.UUID]) -> Removed:
        if list(ids) != events[:1]:
            raise KeyboardInterrupt
        return whole.remove(work, ids)

    whole = purger.purges["events"]
    purger.purges["events"] = replace(whole, remove=killed, batch=1)
    with pytest.raises(KeyboardInterrupt):
        purger.purge("events")
    assert kept(rows, *events) == [False, True]
    recorded = "SELECT reason FROM audit_records WHERE action = 'retention_policies.purge' AND resource_id = :id"
    reason = f"1 purged: {Rule('events', project_id=place, max_age_days=7).words}"
    assert rows(recorded, id=str(policy_id)) == [(reason,)]
    with unit(alice) as work:
        assert service.get(work, policy_id).purged_count == 1


def test_what_went_is_told_though_the_project_goes_meanwhile(unit: Open, rows: Rows) -> None:
    gone = uuid.uuid4()
    with unit(SYSTEM) as work:
        purging.tell(work, Rule("events", project_id=gone), [Batch(3, 30, None, is_last=False)])
    told = "SELECT owner_id, data->>'count' FROM events WHERE name = 'retention.purged' AND project_id = :id"
    assert rows(told, id=gone) == [(None, "3")]


def test_who_may_set_policies(unit: Open, alice: Actor, bob: Actor, charlie: Actor, place: uuid.UUID) -> None:
    with pytest.raises(Forbidden):
        policy(unit, alice, max_age_days=7)
    with pytest.raises(Invalid):
        policy(unit, bob, place, max_age_days=7)
    with pytest.raises(Invalid):
        policy(unit, charlie, place, max_age_days=7)
    policy_id = policy(unit, alice, place, max_age_days=7)
    with pytest.raises(Conflict):
        policy(unit, alice, place, max_age_days=8)
    with pytest.raises(Invalid, match="events"):
        policy(unit, alice, place, sort="nonsense", max_age_days=7)
    with unit(bob) as work, pytest.raises(NotFound):
        service.get(work, policy_id)
