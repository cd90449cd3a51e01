"""The fan-out keeps nobody who does not read: subscribers come with the first step and go with the last."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from gateway.core.database import Database
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
    with unit(alice) as work:
        work.emit("message.created", owner_id=alice.user_id)
    ask = queries.asked_news

    def join_meanwhile(*asked: Any) -> Callable[[], tuple[int, list[Any]]]:
        found = ask(*asked)()
        next(late)
        return lambda: found

    monkeypatch.setattr(rooms_fanout.queries, "asked_news", join_meanwhile)
    everyone._dispatch()
    message = next(late)
    assert message is not None
    assert message.event.name == "message.created"
