"""One commit for everything: a rollback leaves no event, no job and no audit record but that of a denial."""

from collections.abc import Callable
from typing import Any

import psycopg.errors
import pytest
import sqlalchemy.exc
from sqlalchemy import bindparam, select, text

from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.driver.statements import circle, execute
from gateway.core.driver.storing import columns_of, entity
from gateway.core.errors import Forbidden
from gateway.core.identity import Actor
from gateway.core.policy import Resource
from gateway.features.tasks import service as tasks
from gateway.features.tasks.models import Task, TaskTag
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open

Rows = Callable[..., list[Any]]

TRACES = """
    SELECT (SELECT seq FROM event_head), (SELECT count(*) FROM events), (SELECT count(*) FROM procrastinate_jobs),
           (SELECT count(*) FROM audit_records), (SELECT count(*) FROM tasks), (SELECT count(*) FROM runs)
"""


class Broken(Exception):
    """What goes wrong in these tests."""


def test_a_commit_leaves_task_run_job_event_and_audit_together(unit: Open, alice: Actor, rows: Rows) -> None:
    [before] = rows(TRACES)
    with unit(alice) as work:
        tasks.create(work, TaskIn(commands=["true"]))
        assert rows(TRACES) == [before], "nothing is seen before the commit"
    [after] = rows(TRACES)
    assert all(now > then for then, now in zip(before, after, strict=True))


def test_a_rollback_leaves_nothing(unit: Open, alice: Actor, rows: Rows) -> None:
    before = rows(TRACES)

    def create_and_fail() -> None:
        with unit(alice) as work:
            tasks.create(work, TaskIn(commands=["true"]))
            raise Broken

    with pytest.raises(Broken):
        create_and_fail()
    assert rows(TRACES) == before


def test_a_rollback_keeps_the_record_of_a_denial(unit: Open, alice: Actor, rows: Rows) -> None:
    [before] = rows(TRACES)

    def create_and_ask_for_too_much() -> None:
        with unit(alice) as work:
            tasks.create(work, TaskIn(commands=["true"]))
            work.allow("users.create", Resource("users"))

    with pytest.raises(Forbidden):
        create_and_ask_for_too_much()
    [after] = rows(TRACES)
    assert after == (*before[:3], before[3] + 1, *before[4:])
    newest = "SELECT actor, action, decision FROM audit_records ORDER BY id DESC LIMIT 1"
    assert rows(newest) == [("alice", "users.create", "deny")]


def test_an_error_is_told_though_the_record_of_a_denial_cannot_be_kept(unit: Open, alice: Actor, rows: Rows) -> None:
    """As when the commit that held it is through and only its answer was lost."""
    [before] = rows(TRACES)

    def be_denied_and_fail() -> None:
        with unit(alice) as work:
            work.record("users.create", Resource("users"), allowed=False, reason="no")
            denied = [*work._left.denials]
            work.commit()
            work._left.denials += denied
            raise Broken

    with pytest.raises(Broken):
        be_denied_and_fail()
    [after] = rows(TRACES)
    assert after == (*before[:3], before[3] + 1, *before[4:])


def test_who_acts_for_another_leaves_everything_with_the_one_unit_of_work(unit: Open, alice: Actor, bob: Actor) -> None:
    with unit(alice) as work:
        other = work.on_behalf_of(bob)
        other.record("users.create", Resource("users"), allowed=False, reason="no")
        other.wait_together()
        assert work.denied
        assert work._left is other._left
        work.commit()
        other.emit("test.told")
        assert [event.actor for event in work._left.events] == ["bob"], "also after a commit in between"


def test_a_deadlock_is_told_of_with_who_waited_for_whom_and_without_values(unit: Open, alice: Actor) -> None:
    said = "Process 7 waits for ShareLock on transaction 42; blocked by process 8."

    def meet(state: str) -> dict[str, str]:
        """What the log gets of an error of that SQLSTATE."""
        block = f"DO $$ BEGIN RAISE 'a canary' USING ERRCODE = '{state}', DETAIL = '{said}'; END $$"
        with pytest.raises(sqlalchemy.exc.DBAPIError) as raised, unit(alice) as work:
            work.session.execute(text(block))
        return circle(raised.value)

    assert meet("40P01") == {"circle": said, "context": "PL/pgSQL function inline_code_block line 1 at RAISE"}
    assert meet("23505") == {}


def test_an_effect_after_the_commit_does_not_happen_without_it(unit: Open, alice: Actor) -> None:
    happened: list[str] = []
    with unit(alice) as work:
        work.after_commit(lambda: happened.append("committed"))
        assert happened == []
    assert happened == ["committed"]

    def fail() -> None:
        with unit(alice) as work:
            work.after_commit(lambda: happened.append("rolled back"))
            raise Broken

    with pytest.raises(Broken):
        fail()
    assert happened == ["committed"]


def test_a_failure_on_the_way_to_the_commit_is_an_error_like_any_other(unit: Open, alice: Actor, rows: Rows) -> None:
    before = rows(TRACES)

    def store_one_row_twice() -> None:
        with unit(alice) as work:
            task = tasks.create(work, TaskIn(commands=["true"]))
            twice = {"owner_id": alice.user_id, "tag": "same", "task_id": task.id}
            work.insert(TaskTag, [twice, twice])

    with pytest.raises(sqlalchemy.exc.IntegrityError) as raised:
        store_one_row_twice()
    assert isinstance(raised.value.orig, psycopg.errors.UniqueViolation)
    assert rows(TRACES) == before


def test_a_server_lost_on_the_way_to_the_commit_is_a_lost_server(unit: Open, alice: Actor, rows: Rows) -> None:
    def lose_the_server() -> None:
        with unit(alice) as work:
            [process] = work.session.execute(sqlalchemy.text("SELECT pg_backend_pid()")).one()
            tasks.create(work, TaskIn(commands=["true"]))
            rows(f"SELECT pg_terminate_backend({process}, 5000)")

    with pytest.raises(sqlalchemy.exc.OperationalError):
        lose_the_server()
    with unit(alice) as work:
        assert tasks.create(work, TaskIn(commands=["true"])).status == "queued"


@pytest.mark.parametrize("begun", [False, True])
def test_what_runs_last_is_stored_with_all_the_rest_or_not_at_all(
    unit: Open, alice: Actor, rows: Rows, begun: bool
) -> None:
    [before] = rows(TRACES)

    def leave_traces(last: str) -> None:
        with unit(alice) as work:
            if begun:
                work.session.execute(text("SELECT 1"))
            work.allow("tasks.read", Resource("tasks", listed=True))
            work.emit("task.updated", data={"percent": "100 %s"})
            work.execute_last((last, {"name": "it's \\ 100 %", "id": alice.user_id}))

    def fail() -> None:
        with unit(alice) as work:
            work.session.execute(text("UPDATE users SET display_name = 'never'"))
            raise Broken

    with pytest.raises(sqlalchemy.exc.DBAPIError):
        leave_traces("SELECT 1 / 0, %(name)s, %(id)s")
    assert rows(TRACES) == [before]
    leave_traces("UPDATE users SET display_name = %(name)s WHERE id = %(id)s")
    assert rows(TRACES) == [(before[0] + 1, before[1] + 1, before[2], before[3] + 1, *before[4:])]
    with pytest.raises(Broken):
        fail()  # the connection that was used begins transactions as before
    assert rows("SELECT display_name FROM users WHERE id = :id", id=alice.user_id) == [("it's \\ 100 %",)]


@pytest.mark.parametrize("begun", [False, True])
def test_a_commit_that_waits_after_it_is_durable_all_the_same(
    unit: Open, alice: Actor, rows: Rows, begun: bool
) -> None:
    [before] = rows(TRACES)
    with unit(alice) as work:
        work.wait_together()
        if begun:
            work.session.execute(text("SELECT 1"))
        work.allow("tasks.read", Resource("tasks", listed=True))
        work.emit("task.updated")
        [(written,)] = rows("SELECT pg_current_wal_insert_lsn()::text")
    assert rows("SELECT pg_current_wal_flush_lsn() > CAST(:written AS pg_lsn)", written=written) == [(True,)]
    [after] = rows(TRACES)
    assert after == (before[0] + 1, before[1] + 1, before[2], before[3] + 1, *before[4:])


BY_ID = FixedQuery(select(*columns_of(Task, "search", "output")).where(Task.id == bindparam("id")).with_for_update())


def test_what_was_set_of_an_entity_is_stored_with_the_commit_and_nothing_else(
    unit: Open, alice: Actor, rows: Rows
) -> None:
    with unit(alice) as work:
        made = tasks.create(work, TaskIn(commands=["true"], metadata={"a": 1}))
    with unit(alice) as work:
        task = entity(Task, BY_ID.first(work.session, id=made.id))
        work.session.execute(text("UPDATE tasks SET summary = 'since then' WHERE id = :id"), {"id": made.id})
        task.output, task.error = "all", {"code": "x", "message": "y"}
        work.save(task)
        work.flush()
        task.exit_code = 3
        work.save(task)
    query = (
        "SELECT output, error, exit_code, summary, metadata, version, updated_at > created_at FROM tasks WHERE id = :id"
    )
    found = rows(query, id=made.id)
    assert found == [("all", {"code": "x", "message": "y"}, 3, "since then", {"a": 1}, 2, True)]


def test_what_is_asked_is_answered_in_the_order_in_which_it_was_asked(unit: Open, alice: Actor) -> None:
    with unit(alice) as work:
        made = tasks.create(work, TaskIn(commands=["true"]))
        change = FixedQuery(text("UPDATE tasks SET summary = summary || :more WHERE id = :id RETURNING summary"))
        first, then = (change.ask(work.session, id=made.id, more=more) for more in "ab")
        assert then.rows()[0].summary == "trueab"
        assert first.rows()[0].summary == "truea"
        assert BY_ID.first(work.session, id=made.id).summary == "trueab"


class Stopped(BaseException):
    """As a killed greenlet, or one whose time is over, leaves."""


@pytest.mark.parametrize("how", ["a query", "queries asked together", "a statement", "the commit"])
def test_who_is_stopped_in_the_middle_of_an_exchange_leaves_as_they_were_told_to(
    unit: Open, alice: Actor, rows: Rows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    slept = FixedQuery(select(text("pg_sleep(1)")))

    def stop(exchange: Any, *rest: Any, **more: Any) -> None:
        next(exchange)
        raise Stopped

    def be_stopped() -> None:
        with unit(alice) as work:
            work.session.execute(text("SELECT 1"))
            driver = work.session.connection().connection.driver_connection
            monkeypatch.setattr(driver, "wait", stop)
            if how == "a query":
                slept.rows(work.session)
            elif how == "queries asked together":
                slept.ask(work.session).rows()
            elif how == "a statement":
                execute(work.session, ("SELECT pg_sleep(1)", {}))
            else:
                work.execute_last(("SELECT pg_sleep(1)", {}))

    with pytest.raises(Stopped):
        be_stopped()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    assert rows("SELECT 1") == [(1,)], "others go on, on another connection"
