"""Units of work that have read nothing are committed together, and one that fails takes no other with it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy.exc
from sqlalchemy import text

from gateway.core.audit import audit_row
from gateway.core.clock import new_id
from gateway.core.database import Database
from gateway.core.driver import journal as journals
from gateway.core.driver.journal import Entry, Journal
from gateway.core.events import NewEvent
from gateway.core.identity import Actor
from gateway.core.policy import Resource
from gateway.core.unit_of_work import unit_of_work


def test_each_of_many_is_stored_but_for_those_that_fail(database: Database, alice: Actor) -> None:
    journal, mark = Journal(database.engine), str(new_id())

    def write(number: int) -> str:
        row = audit_row(
            alice, "tests.write", Resource("tests", mark), allowed=True, reason=str(number), request_id=None
        )
        done = [("SELECT 1 / %(divisor)s", {"divisor": number % 10})]
        event = NewEvent("test.written", alice.handle, owner_id=alice.user_id, data={"mark": mark, "number": number})
        try:
            journal.write(Entry(done, [row], [event]), "after" if number % 2 else "never")
        except sqlalchemy.exc.DBAPIError as error:
            return type(error.orig).__name__
        return "stored"

    with ThreadPoolExecutor(30) as pool:
        ended = list(pool.map(write, range(60)))
    assert ended == ["stored" if number % 10 else "DivisionByZero" for number in range(60)]
    wanted = [number for number in range(60) if number % 10]
    with database.sessions() as session:
        kept = text("SELECT reason FROM audit_records WHERE resource_id = :mark")
        assert sorted(int(reason) for reason in session.scalars(kept, {"mark": mark})) == wanted
        told = text("SELECT data->>'number' FROM events WHERE data->>'mark' = :mark")
        assert sorted(int(number) for number in session.scalars(told, {"mark": mark})) == wanted
        numbers = session.execute(text("SELECT count(*), max(seq) - min(seq) + 1 FROM audit_records")).one()
        assert numbers[0] == numbers[1], "numbered without gaps"


def test_what_goes_on_meanwhile_is_committed_once_it_is_waited_for(
    database: Database, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(journals._JOURNALS, database.engine, Journal(database.engine))
    mark = str(new_id())
    with unit_of_work(database.sessions, alice) as stored:
        stored.go_on_meanwhile()
        stored.record("tests.write", Resource("tests", mark), allowed=True, reason="a test")
    stored.committed()
    with database.sessions() as session:
        kept = text("SELECT count(*) FROM audit_records WHERE resource_id = :mark")
        assert session.scalar(kept, {"mark": mark}) == 1
    with unit_of_work(database.sessions, alice) as refused:
        refused.go_on_meanwhile()
        refused.execute_last(("SELECT 1 / %(zero)s", {"zero": 0}))
    for _ in range(2):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="division by zero"):
            refused.committed()


def test_a_lost_connection_is_everybodys_error(database: Database) -> None:
    journal = Journal(database.engine)
    leave = [("SELECT pg_terminate_backend(pg_backend_pid())", {"of": "mine"})]
    with pytest.raises(sqlalchemy.exc.OperationalError):
        journal.write(Entry(leave), "never")
    journal.write(Entry([("SELECT %(one)s", {"one": 1})]), "never")
