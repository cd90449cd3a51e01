"""Connections to the database as the gateway has them: who waits for one can be ended at any moment."""

from collections.abc import Callable, Iterator

import gevent
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.core.database import Database
from gateway.core.driver.cooperation import cooperate
from gateway.core.driver.statements import execute, together


@pytest.fixture
def cooperative(database: Database) -> Iterator[Database]:
    """The same database by connections whose waits are cooperative."""
    found = Database(database.url, pool_size=1, max_overflow=0)
    cooperate(found.engine)
    yield found
    found.dispose()


def in_one_round_trip(session: Session) -> None:
    with together(session) as connection:
        connection.execute("SELECT pg_sleep(30)")


def by_the_driver(session: Session) -> None:
    execute(session, ("SELECT pg_sleep(30)", {}))


def by_sqlalchemy(session: Session) -> None:
    session.execute(text("SELECT pg_sleep(30)"))


@pytest.mark.parametrize("ask", [in_one_round_trip, by_the_driver, by_sqlalchemy])
def test_who_is_killed_while_the_database_works_is_dead(cooperative: Database, ask: Callable[[Session], None]) -> None:
    def work() -> None:
        with cooperative.sessions() as session:
            ask(session)

    greenlet = gevent.spawn(work)
    gevent.sleep(0.3)
    greenlet.kill(timeout=10)
    assert greenlet.dead
    assert isinstance(greenlet.value, gevent.GreenletExit)
    with cooperative.sessions() as session:
        assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("ask", [in_one_round_trip, by_the_driver, by_sqlalchemy])
def test_whose_time_is_over_is_told_that_and_nothing_else(
    cooperative: Database, ask: Callable[[Session], None]
) -> None:
    limit = gevent.Timeout(0.3)
    with pytest.raises(gevent.Timeout) as told, limit, cooperative.sessions() as session:
        ask(session)
    assert told.value is limit
