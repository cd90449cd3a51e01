"""The fan-out keeps nobody who does not read: subscribers come with the first step and go with the last."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from gateway.core.database import Database, libpq_url
from gateway.core.events import CHANNEL, told_by
from gateway.core.identity import Actor
from gateway.features.events import fanout as rooms_fanout
from gateway.features.events import queries
from gateway.features.events.fanout import Fanout
from gateway.features.events.schemas import Filter
from tests.services.conftest import Open

SOMEBODY = Actor(UUID(int=7), "somebody", frozenset({"member"}), via="test")


@pytest.fixture
def everyone(database: Database) -> Fanout:
    """One that never listens: these tests look at its subscribers alone."""
    return Fanout(database.sessions, lambda: database.url)


def test_a_stream_that_is_never_read_leaves_no_subscriber(everyone: Fanout) -> None:
    """As with HEAD, or a client that has gone before the first byte."""
    everyone.subscribe(SOMEBODY, ("**",), Filter(), None).close()  # type: ignore[attr-defined]
    assert everyone._subscribers == set()


def test_a_stream_that_ends_leaves_no_subscriber(everyone: Fanout) -> None:
    stream = everyone.subscribe(SOMEBODY, ("**",), Filter(), None)
    assert next(stream) is None
    assert len(everyone._subscribers) == 1
    stream.close()  # type: ignore[attr-defined]
    assert everyone._subscribers == set()


def test_who_falls_behind_keeps_a_bounded_queue(everyone: Fanout) -> None:
    stream = everyone.subscribe(SOMEBODY, ("**",), Filter(), None)
    next(stream)
    [subscriber] = everyone._subscribers
    for _ in range(rooms_fanout.QUEUE_SIZE + 100):
        rooms_fanout._offer(subscriber, rooms_fanout.Message(None, "{}"))  # type: ignore[arg-type]
    assert subscriber.waiting.qsize() == rooms_fanout.QUEUE_SIZE
    assert subscriber.behind


def test_only_what_somebody_listens_to_is_read(everyone: Fanout, unit: Open, alice: Actor) -> None:
    stream = everyone.subscribe(alice, ("thread.*",), Filter(), None)
    next(stream)
    with unit(alice) as work:
        for name in ("thread.created", "message.created"):
            work.emit(name, owner_id=alice.user_id)
    with unit(alice) as work:
        up_to, read = queries.asked_news(work.session, everyone.seq, "thread\\..*", 500)()
        assert [event.name for event in read] == ["thread.created"]
        assert up_to == queries.head(work.session)
    everyone._dispatch()
    message = next(stream)
    assert message is not None
    assert message.event.name == "thread.created"
    assert everyone.seq == up_to


def test_who_joins_while_others_are_read_to_misses_nothing(
    everyone: Fanout, unit: Open, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = everyone.subscribe(alice, ("thread.*",), Filter(), None)
    next(first)
    late = everyone.subscribe(alice, ("message.*",), Filter(), None)
    ask = queries.asked_news

    def join_meanwhile(*asked: Any) -> Callable[[], tuple[int, list[Any]]]:
        next(late)
        with unit(alice) as work:
            work.emit("message.created", owner_id=alice.user_id)
        found = ask(*asked)()
        return lambda: found

    monkeypatch.setattr(rooms_fanout.queries, "asked_news", join_meanwhile)
    everyone._dispatch()
    message = next(late)
    assert message is not None
    assert message.event.name == "message.created"


def test_a_notification_says_what_came_and_only_what_somebody_listens_to_wakes(
    everyone: Fanout, unit: Open, alice: Actor, database: Database
) -> None:
    with psycopg.connect(libpq_url(database.url), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        with unit(alice) as work:
            for name in ("message.created", "message.completed", "message.created"):
                work.emit(name, owner_id=alice.user_id)
        [told] = [told_by(hint.payload) for hint in connection.notifies(timeout=10, stop_after=1)]
    assert told == ["message.completed", "message.created"]
    first, second = (everyone.subscribe(alice, (pattern,), Filter(), None) for pattern in ("thread.*", "*.completed"))
    assert not everyone._is_wanted(told_by("12")), "there is nobody"
    next(first)
    assert not everyone._is_wanted(told)
    assert everyone._is_wanted(told_by("12")), "it could be anything"
    assert everyone._is_wanted(["user.disabled"]), "it may end what is open"
    next(second)
    assert everyone._is_wanted(told)


def test_who_joins_is_told_nothing_that_came_before_though_nobody_had_read_it(
    everyone: Fanout, unit: Open, alice: Actor
) -> None:
    other = everyone.subscribe(alice, ("thread.*",), Filter(), None)
    next(other)
    with unit(alice) as work:
        work.emit("message.created", owner_id=alice.user_id, data={"number": 1})
    late = everyone.subscribe(alice, ("message.*",), Filter(), None)
    next(late)
    with unit(alice) as work:
        work.emit("message.created", owner_id=alice.user_id, data={"number": 2})
    everyone._dispatch()
    message = next(late)
    assert message is not None
    assert message.event.data == {"number": 2}
